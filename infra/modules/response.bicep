// The right to respond at the gateway, for an identity of its own: ingest and the rest of the app never have it.

param serviceName string

@description('Principal that edits the guard\'s list.')
param principalId string

@description('Name of that identity, for a name of the assignment that never changes.')
param identityName string

@description('Whether it may suspend subscriptions too.')
param subscriptions bool

var reads = ['Microsoft.ApiManagement/service/read', 'Microsoft.ApiManagement/service/namedValues/read']
var writes = ['Microsoft.ApiManagement/service/namedValues/write']
var suspends = [
  'Microsoft.ApiManagement/service/subscriptions/read'
  'Microsoft.ApiManagement/service/subscriptions/write'
]

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: serviceName
}

// Named values are pasted into policies: who writes them can run code in every policy. So this role is nobody else's.
resource responder 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(service.id, 'gatewatch-responder')
  properties: {
    roleName: 'Gatewatch responder (${serviceName})'
    description: 'Edits the list of callers that the guard refuses or slows.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: concat(reads, writes, subscriptions ? suspends : [])
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource responds 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(service.id, identityName, responder.id)
  scope: service
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: responder.id
    description: 'Gatewatch lists callers for the guard, and takes them off.'
  }
}
