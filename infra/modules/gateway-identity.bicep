// Which principal an existing API Management service sends with, and Gatewatch's right to read its configuration.

param serviceName string

@description('Principal that reads the service\'s configuration, for posture and inventory.')
param readerPrincipalId string

@description('Name of that identity, for a name of the assignment that never changes.')
param readerName string

@description('Principal of the user-assigned identity that sends; empty: the system-assigned one.')
param principalId string

// Reads APIs, policies and settings; not keys, not users.
var serviceReader = '71522526-b88f-4d52-b57f-d31fc3546d0d'

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: serviceName
}

resource readsConfiguration 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(service.id, readerName, serviceReader)
  scope: service
  properties: {
    principalId: readerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', serviceReader)
    description: 'Gatewatch reads the configuration and assesses it.'
  }
}

output principalId string = empty(principalId)
  ? service.?identity.?principalId ?? fail('API Management service \'${serviceName}\' has no system-assigned identity: enable it, or name a user-assigned one.')
  : principalId
