// Who read, wrote and deleted what, in a workspace of its own: whoever looks at alerts and metrics need not see it, and its daily cap silences nothing else.
// Storage logs name the caller's identity, address and the keys that were asked for; keys of Gatewatch's tables are hashes, never an address or an identity.

param location string
param tags object
param workspaceName string
param dailyCapGb int
param namespaceName string
param stateName string
param evidenceName string
param appName string

@description('False leaves out the state account, whose requests are the app\'s own by far.')
param stateToo bool

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: false // a right on a storage account is no right to see who else reads it
      immediatePurgeDataOn30Days: true
    }
    workspaceCapping: { dailyQuotaGb: dailyCapGb }
  }
}

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource state 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: stateName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }

  resource tables 'tableServices' existing = {
    name: 'default'
  }
}

resource evidence 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: evidenceName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }
}

// Management, scaling and refused networks. Who reads events (RuntimeAuditLogs) is told by the Premium and Dedicated tiers only.
resource ofHub 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'access'
  scope: namespace
  properties: {
    workspaceId: workspace.id
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'OperationalLogs', enabled: true }
      { category: 'AutoScaleLogs', enabled: true }
      { category: 'EventHubVNetConnectionEvent', enabled: true }
    ]
  }
}

// All that this plan offers: which categories a Flex Consumption app has differs by region and year.
resource ofApp 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'access'
  scope: app
  properties: {
    workspaceId: workspace.id
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource ofEvidence 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'access'
  scope: evidence::blobs
  properties: {
    workspaceId: workspace.id
    logs: [
      { category: 'StorageRead', enabled: true }
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

// The deployment package lies here: a write that is no deployment is somebody else's code.
resource ofStateBlobs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (stateToo) {
  name: 'access'
  scope: state::blobs
  properties: {
    workspaceId: workspace.id
    logs: [
      { category: 'StorageRead', enabled: true }
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

// Writes are the app's, one a batch, and each leaves its own trace in the tables.
resource ofTables 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (stateToo) {
  name: 'access'
  scope: state::tables
  properties: {
    workspaceId: workspace.id
    logs: [
      { category: 'StorageRead', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}
