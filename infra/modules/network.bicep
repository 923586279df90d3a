// The private variant: a virtual network, private endpoints for both storage accounts and the hub, and their DNS zones.

param location string
param tags object
param networkName string
param addressPrefix string
param namespaceName string
param stateName string
param evidenceName string

@description('Subnet in the gateway\'s own network that gets a further private endpoint of the hub; empty: none. Its DNS is yours.')
param gatewaySubnetId string

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource state 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: stateName
}

resource evidence 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: evidenceName
}

resource functionsGuard 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-functions-${networkName}'
  location: location
  tags: tags
}

resource endpointsGuard 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-endpoints-${networkName}'
  location: location
  tags: tags
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: networkName
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'functions'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          delegations: [
            { name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }
          ]
          networkSecurityGroup: { id: functionsGuard.id }
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          networkSecurityGroup: { id: endpointsGuard.id }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }

  resource functions 'subnets' existing = {
    name: 'functions'
  }

  resource endpoints 'subnets' existing = {
    name: 'endpoints'
  }
}

var services = [
  { name: 'state-blob', target: state.id, group: 'blob', zone: 'privatelink.blob.${environment().suffixes.storage}' }
  { name: 'state-table', target: state.id, group: 'table', zone: 'privatelink.table.${environment().suffixes.storage}' }
  {
    name: 'evidence-blob'
    target: evidence.id
    group: 'blob'
    zone: 'privatelink.blob.${environment().suffixes.storage}'
  }
  { name: 'hub', target: namespace.id, group: 'namespace', zone: hubZone }
]

// environment() has no suffix for Event Hubs; the public cloud's is written out, as Gatewatch is deployed nowhere else.
var hubZone = 'privatelink.servicebus.windows.net'
var zoneNames = [
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink.table.${environment().suffixes.storage}'
  hubZone
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in zoneNames: {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, i) in zoneNames: {
    parent: zones[i]
    name: networkName
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: network.id }
    }
  }
]

// One after the other: creations in one subnet at the same time are refused now and then.
@batchSize(1)
resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for service in services: {
    name: 'pe-${service.name}-${networkName}'
    location: location
    tags: tags
    properties: {
      subnet: { id: network::endpoints.id }
      privateLinkServiceConnections: [
        { name: service.name, properties: { privateLinkServiceId: service.target, groupIds: [service.group] } }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (service, i) in services: {
    parent: privateEndpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: service.name
          properties: { privateDnsZoneId: zones[indexOf(zoneNames, service.zone)].id }
        }
      ]
    }
  }
]

resource gatewayEndpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = if (!empty(gatewaySubnetId)) {
  name: 'pe-gateway-${networkName}'
  location: location
  tags: tags
  properties: {
    subnet: { id: gatewaySubnetId }
    privateLinkServiceConnections: [
      { name: 'hub', properties: { privateLinkServiceId: namespace.id, groupIds: ['namespace'] } }
    ]
  }
}

output functionsSubnetId string = network::functions.id
