// The Flex Consumption plan and the app with all its settings.

param location string
param tags object
param planName string
param appName string
param identityName string
param namespaceName string
param stateName string
param evidenceName string
param insightsConnectionString string
param identityClientId string
param packageContainer string

@description('Subnet for outbound traffic; empty without a private network.')
param subnetId string

@allowed(['3.12', '3.13'])
param pythonVersion string

@allowed([512, 2048, 4096])
param instanceMemoryMb int
param maximumInstances int
param httpConcurrency int
param zoneRedundant bool
param alwaysReady { name: string, instanceCount: int }[]
param allowedIpRanges string[]

@description('Settings that differ by choice rather than by wiring: name to value.')
param appSettings object

@description('The second identity, which responds at the gateway; empty: none.')
param responseIdentityName string

resource responseIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = if (!empty(responseIdentityName)) {
  name: responseIdentityName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

var storageSuffix = environment().suffixes.storage
var managedIdentity = 'managedidentity'
var ipRules = [
  for (range, i) in allowedIpRanges: {
    name: 'allowed-${i}'
    priority: 100 + i
    action: 'Allow'
    tag: 'Default'
    ipAddress: range
  }
]
// The health probe of alerts.bicep comes from outside.
var probeRule = {
  name: 'availability-probe'
  priority: 90
  action: 'Allow'
  tag: 'ServiceTag'
  ipAddress: 'ApplicationInsightsAvailability'
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: appName
  location: location
  tags: union(tags, { 'azd-service-name': 'gatewatch' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: union(
      { '${identity.id}': {} },
      empty(responseIdentityName) ? {} : { '${responseIdentity.id}': {} }
    )
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: 'https://${stateName}.blob.${storageSuffix}/${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMb
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReady
        // Python answers one request per instance by default: a page that asks for nine files would start nine instances.
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      runtime: { name: 'python', version: pythonVersion }
    }
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      ipSecurityRestrictions: empty(allowedIpRanges) ? [] : concat([probeRule], ipRules)
      ipSecurityRestrictionsDefaultAction: empty(allowedIpRanges) ? 'Allow' : 'Deny'
      minTlsVersion: '1.2'
      scmIpSecurityRestrictionsUseMain: true
      scmMinTlsVersion: '1.2'
    }
  }

  // Every connection is an address and an identity. What Flex sets through functionAppConfig must not be set here. The host
  // gets no tables (it would keep diagnostics of its own beside the app's, without a promise) and no queues (no trigger needs one).
  resource settings 'config' = {
    name: 'appsettings'
    properties: union(appSettings, {
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
      APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
      AZURE_CLIENT_ID: identityClientId
      CUSTOM_REQUIREMENTSTXT_PATH: 'requirements.lock' // the remote build checks hashes
      AzureWebJobsStorage__blobServiceUri: 'https://${stateName}.blob.${storageSuffix}'
      AzureWebJobsStorage__clientId: identityClientId
      AzureWebJobsStorage__credential: managedIdentity
      EventHubConnection__clientId: identityClientId
      EventHubConnection__credential: managedIdentity
      EventHubConnection__fullyQualifiedNamespace: '${namespaceName}.servicebus.windows.net'
      EvidenceStorage__blobServiceUri: 'https://${evidenceName}.blob.${storageSuffix}'
      EvidenceStorage__clientId: identityClientId
      EvidenceStorage__credential: managedIdentity
      PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
      StateStorage__clientId: identityClientId
      StateStorage__credential: managedIdentity
      StateStorage__tableServiceUri: 'https://${stateName}.table.${storageSuffix}'
    })
  }

  // No password deployment: neither FTP nor Kudu's basic authentication.
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

output hostName string = app.properties.defaultHostName
