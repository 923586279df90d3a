// Every role assignment inside Gatewatch's resource group, on one page. Data-plane roles at the narrowest scope that works.

param identityName string
param identityPrincipalId string
param namespaceName string
param callsHub string
param alertsHub string
param stateName string
param evidenceName string
param insightsName string

@description('Principal of the API Management service that sends calls; empty when the gateway is set up elsewhere.')
param gatewayPrincipalId string

@description('Resource id of that service, for a name of the assignment that never changes.')
param gatewayId string

var roles = {
  eventHubsDataReceiver: 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde'
  eventHubsDataSender: '2b629674-e913-4c01-ae53-ef4638d8f975'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName

  resource calls 'eventhubs' existing = {
    name: callsHub
  }

  resource alerts 'eventhubs' existing = {
    name: alertsHub
  }
}

resource state 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: stateName
}

resource evidence 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: evidenceName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource receivesCalls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::calls.id, identity.id, roles.eventHubsDataReceiver)
  scope: namespace::calls
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal' // spares the wait for the principal to reach the directory
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.eventHubsDataReceiver)
    description: 'Gatewatch reads the calls that the gateways send.'
  }
}

resource sendsAlerts 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::alerts.id, identity.id, roles.eventHubsDataSender)
  scope: namespace::alerts
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.eventHubsDataSender)
    description: 'Gatewatch publishes its alerts.'
  }
}

resource hostState 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state.id, identity.id, roles.storageBlobDataOwner)
  scope: state
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataOwner)
    description: 'The Functions host keeps checkpoints, timer leases and the deployment package here; it asks for owner.'
  }
}

resource stateTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state.id, identity.id, roles.storageTableDataContributor)
  scope: state
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageTableDataContributor
    )
    description: 'Gatewatch creates, fills and drops its tables.'
  }
}

resource evidenceBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(evidence.id, identity.id, roles.storageBlobDataContributor)
  scope: evidence
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageBlobDataContributor
    )
    description: 'Gatewatch writes and purges quarantined messages.'
  }
}

resource publishesTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identity.id, roles.monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.monitoringMetricsPublisher
    )
    description: 'The host and the app send telemetry without an instrumentation key.'
  }
}

resource gatewaySendsCalls 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(gatewayId)) {
  name: guid(namespace::calls.id, gatewayId, roles.eventHubsDataSender)
  scope: namespace::calls
  properties: {
    principalId: gatewayPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.eventHubsDataSender)
    description: 'The API Management service sends one event a call.'
  }
}
