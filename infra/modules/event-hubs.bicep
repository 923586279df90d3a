// The namespace with hub `calls` (what the gateways send) and hub `alerts` (what Gatewatch says).

param location string
param tags object
param namespaceName string
param callsHub string
param alertsHub string
param consumerGroup string
param partitions int
param throughputUnits int
param maximumThroughputUnits int

@description('How long the hub keeps a call, in hours: the longest that a body or an address can live in it.')
@minValue(1)
@maxValue(48)
param retentionHours int

@description('False closes the public endpoint: every gateway must then reach the hub through a private endpoint.')
param publicAccess bool

@description('When not empty, the only public addresses that may reach the namespace.')
param allowedIpRanges string[]

var autoInflate = maximumThroughputUnits > throughputUnits
var retention = { cleanupPolicy: 'Delete', retentionTimeInHours: retentionHours }

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard', capacity: throughputUnits }
  properties: {
    disableLocalAuth: true
    isAutoInflateEnabled: autoInflate
    maximumThroughputUnits: autoInflate ? maximumThroughputUnits : 0
    minimumTlsVersion: '1.2'
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
  }

  resource rules 'networkRuleSets' = {
    name: 'default'
    properties: {
      // Services are let in by role, never for being Microsoft's: that door was shut for API Management in March 2026.
      trustedServiceAccessEnabled: false
      publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
      defaultAction: publicAccess && empty(allowedIpRanges) ? 'Allow' : 'Deny'
      ipRules: [for range in allowedIpRanges: { ipMask: range, action: 'Allow' }]
      virtualNetworkRules: []
    }
  }

  resource calls 'eventhubs' = {
    name: callsHub
    properties: {
      partitionCount: partitions
      retentionDescription: retention
    }

    resource group 'consumergroups' = {
      name: consumerGroup
    }
  }

  resource alerts 'eventhubs' = {
    name: alertsHub
    properties: {
      partitionCount: 1
      retentionDescription: retention
    }
  }
}
