// The gateway side on an existing API Management service: logger, named values, policy fragments. Which APIs use them is
// tools.onboard's business; nothing here changes any API's policy.

param serviceName string

@description('Event Hubs namespace, without domain.')
param namespaceName string
param callsHub string

@description('Client id of the user-assigned identity that sends; empty: the system-assigned one.')
param identityClientId string

@description('Key of the HMAC that stands for a caller\'s token subject: 244 random bits, used by the first deployment only.')
@secure()
param identityKey string = '${newGuid()}${newGuid()}'

@description('Key Vault secret that holds this key instead, https://VAULT.vault.azure.net/secrets/NAME without a version; empty: a secret named value, made here.')
param identityKeyInVault string = ''

@description('The off switch: `false` and no event is sent.')
@allowed(['true', 'false'])
param enabled string = 'true'

@description('Share of calls that are sent, in percent.')
@minValue(0)
@maxValue(100)
param samplingPercent int = 100

@description('First bytes of a body that are sent; 0: none.')
@minValue(0)
@maxValue(65536)
param bodyBytes int = 8192

@description('Headers that may be sent. Those that prove a caller never are, listed or not.')
param headers string[] = [
  'accept'
  'access-control-allow-origin'
  'location'
  'origin'
  'referer'
  'server'
  'strict-transport-security'
  'x-azure-clientip'
  'x-forwarded-host'
  'x-forwarded-proto'
]

@description('Parameters whose value is masked before it leaves the gateway; `subscription-key` always is one.')
param maskedParameters string[] = [
  'access_token'
  'api-key'
  'api_key'
  'apikey'
  'client_secret'
  'code'
  'id_token'
  'key'
  'password'
  'refresh_token'
  'sas'
  'secret'
  'sig'
  'signature'
  'token'
]

@description('The guard, which refuses or slows callers that an operator lists: the variant of the service\'s tier, or none.')
@allowed(['off', 'standard', 'consumption'])
param guard string = 'off'

@description('Proxies in front of the gateway, as CIDRs with commas between: the guard finds the client behind them, as the app does.')
param trustedProxies string = ''

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: serviceName
}

resource logger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: service
  name: 'gatewatch'
  properties: {
    loggerType: 'azureEventHub'
    description: 'Gatewatch: one event a call.'
    credentials: {
      name: callsHub
      endpointAddress: '${namespaceName}.servicebus.windows.net'
      identityClientId: empty(identityClientId) ? 'SystemAssigned' : identityClientId
    }
    isBuffered: true // asynchronous to the call: a slow hub must not slow the API
  }
}

var plainValues = [
  { name: 'gatewatch-enabled', value: enabled }
  { name: 'gatewatch-sampling-percent', value: string(samplingPercent) }
  { name: 'gatewatch-body-bytes', value: string(bodyBytes) }
  { name: 'gatewatch-headers', value: empty(headers) ? 'none' : join(headers, ',') }
  {
    name: 'gatewatch-masked-parameters'
    value: empty(maskedParameters) ? 'subscription-key' : join(maskedParameters, ',')
  }
]

resource values 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = [
  for entry in plainValues: {
    parent: service
    name: entry.name
    properties: {
      displayName: entry.name
      secret: false
      tags: ['gatewatch']
      value: entry.value
    }
  }
]

// Made by the first deployment and left alone by all later ones: nobody handles it, no file holds it. See docs/rotate.md.
@onlyIfNotExists()
resource identityKeyValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = if (empty(identityKeyInVault)) {
  parent: service
  name: 'gatewatch-identity-key'
  properties: {
    displayName: 'gatewatch-identity-key'
    secret: true
    tags: ['gatewatch']
    value: identityKey
  }
}

// Of the operator's own vault: set whenever it is named, over what was there. The identity that sends events reads it, and needs Key Vault Secrets User.
resource identityKeyReference 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = if (!empty(identityKeyInVault)) {
  parent: service
  name: empty(identityKeyInVault) ? 'gatewatch-identity-key-unused' : 'gatewatch-identity-key'
  properties: {
    displayName: 'gatewatch-identity-key'
    secret: true
    tags: ['gatewatch']
    keyVault: {
      secretIdentifier: identityKeyInVault
      identityClientId: empty(identityClientId) ? null : identityClientId
    }
  }
}

// The switch and the list are an operator's, or Gatewatch's: a deployment makes them and never sets them back.
var guardState = [
  { name: 'gatewatch-guard-mode', value: 'off' }
  { name: 'gatewatch-blocked-0', value: '-' }
  { name: 'gatewatch-blocked-1', value: '-' }
  { name: 'gatewatch-blocked-2', value: '-' }
  { name: 'gatewatch-blocked-3', value: '-' }
]

@onlyIfNotExists()
resource guardStateValues 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = [
  for entry in guardState: if (guard != 'off') {
    parent: service
    name: entry.name
    properties: {
      displayName: entry.name
      secret: false
      tags: ['gatewatch']
      value: entry.value
    }
  }
]

resource trustedProxiesValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = if (guard != 'off') {
  parent: service
  name: 'gatewatch-trusted-proxies'
  properties: {
    displayName: 'gatewatch-trusted-proxies'
    secret: false
    tags: ['gatewatch']
    value: empty(trustedProxies) ? '-' : trustedProxies
  }
}

@onlyIfNotExists()
resource guardKeyValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = if (guard != 'off') {
  parent: service
  name: 'gatewatch-guard-key'
  properties: {
    displayName: 'gatewatch-guard-key'
    secret: true
    tags: ['gatewatch']
    value: '-' // Gatewatch puts a key there where addresses are to be listed as hashes
  }
}

resource guardFragment 'Microsoft.ApiManagement/service/policyFragments@2024-05-01' = if (guard != 'off') {
  parent: service
  name: 'gatewatch-guard'
  dependsOn: [guardStateValues, trustedProxiesValue, guardKeyValue]
  properties: {
    description: 'Gatewatch, inbound: refuses or slows callers that an operator listed. Which APIs use it is a choice of onboarding.'
    format: 'rawxml'
    value: guard == 'consumption'
      ? loadTextContent('../gateway/guard-consumption.xml')
      : loadTextContent('../gateway/guard.xml')
  }
}

var fragments = [
  {
    name: 'gatewatch-capture'
    description: 'Gatewatch, inbound: keeps what only inbound can see.'
    value: loadTextContent('../gateway/capture.xml')
  }
  {
    name: 'gatewatch-emit'
    description: 'Gatewatch, outbound and on-error: sends the event, once.'
    value: loadTextContent('../gateway/emit.xml')
  }
]

resource policyFragments 'Microsoft.ApiManagement/service/policyFragments@2024-05-01' = [
  for fragment in fragments: {
    parent: service
    name: fragment.name
    dependsOn: [logger, values, identityKeyValue, identityKeyReference] // a fragment that names what is not there yet is refused
    properties: {
      description: fragment.description
      format: 'rawxml'
      value: fragment.value
    }
  }
]
