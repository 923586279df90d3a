// Two storage accounts. State: tables and the Functions host's own blobs. Evidence: what may hold message content for
// 48 hours at most, in an account that keeps nothing after a delete.

param location string
param tags object

@description('Name of the account for tables, checkpoints, timers and the deployment package.')
param stateName string

@description('Name of the account for quarantined and evidence blobs.')
param evidenceName string

@description('LRS or ZRS only: geo-redundant copies leave the region.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param redundancy string

@description('Blob container that the deployment package is put into.')
param packageContainer string

@description('Containers of the evidence account whose blobs must be gone after 48 hours at most.')
param purgedContainers string[]

@description('Containers of the evidence account that hold nothing of a person: the hash key, limits.')
param keptContainers string[]

@description('False closes the public endpoints; the private endpoints of network.bicep remain.')
param publicAccess bool

var account = {
  allowBlobPublicAccess: false
  allowCrossTenantReplication: false
  allowSharedKeyAccess: false
  defaultToOAuthAuthentication: true
  isLocalUserEnabled: false
  isSftpEnabled: false
  minimumTlsVersion: 'TLS1_2'
  supportsHttpsTrafficOnly: true
  accessTier: 'Hot'
  publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
  networkAcls: { bypass: 'None', defaultAction: publicAccess ? 'Allow' : 'Deny', ipRules: [], virtualNetworkRules: [] }
}

// Off is said, not left out: the portal and several module libraries turn these on by default, and a soft-deleted
// blob or an old version is a copy that outlives its promise.
var nothingAfterDelete = {
  changeFeed: { enabled: false }
  containerDeleteRetentionPolicy: { enabled: false }
  deleteRetentionPolicy: { enabled: false }
  isVersioningEnabled: false
  lastAccessTimeTrackingPolicy: { enable: false }
  restorePolicy: { enabled: false }
}

resource state 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: stateName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: account

  resource blobs 'blobServices' = {
    name: 'default'
    properties: nothingAfterDelete

    resource package 'containers' = {
      name: packageContainer
      properties: { publicAccess: 'None' }
    }
  }

  resource tables 'tableServices' = {
    name: 'default'
  }
}

resource evidence 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: evidenceName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: account

  resource blobs 'blobServices' = {
    name: 'default'
    properties: nothingAfterDelete

    resource containers 'containers' = [
      for name in concat(purgedContainers, keptContainers): {
        name: name
        properties: { publicAccess: 'None' }
      }
    ]
  }

  // A net, not the mechanism: the platform runs this when it likes, up to days late. The app purges hourly.
  resource lifecycle 'managementPolicies' = {
    name: 'default'
    dependsOn: [blobs]
    properties: {
      policy: {
        rules: [
          {
            name: 'net-for-the-hourly-purge'
            enabled: true
            type: 'Lifecycle'
            definition: {
              filters: {
                blobTypes: ['blockBlob', 'appendBlob']
                prefixMatch: map(purgedContainers, name => '${name}/')
              }
              actions: {
                baseBlob: { delete: { daysAfterCreationGreaterThan: 2 } }
                snapshot: { delete: { daysAfterCreationGreaterThan: 0 } }
                version: { delete: { daysAfterCreationGreaterThan: 0 } }
              }
            }
          }
        ]
      }
    }
  }
}
