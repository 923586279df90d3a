// Gatewatch in one region of one subscription: `azd up`, or `az deployment sub create`. Start with docs/deploy.md.

targetScope = 'subscription'

@sealed()
type Choices = {
  ALERT_FORMATS: string?
  DASHBOARD_URL: string?
  COUNTRY_ATTRIBUTION: string?
  COUNTRY_DATABASE: string?
  DELIVER_SECONDS: string?
  EVALUATE_SECONDS: string?
  EVALUATE_SHARDS: string?
  LEGAL_HOLD: string?
  MAX_EVENT_AGE_HOURS: string?
  POSTURE_SERVICES: string?
  RETAIN_ACTIVITY_DAYS: string?
  RETAIN_ALERT_ACTOR_DAYS: string?
  RESPONSE_AUTOMATIC: string?
  RESPONSE_HASHED: string?
  RESPONSE_LIMITS: string?
  RESPONSE_SPARED: string?
  RETAIN_QUARANTINE_HOURS: string?
  TRUSTED_PROXIES: string?
  WEBHOOK_NETWORKS: string?
  WINDOW_CLOSE_MINUTES: string?
}

// ---- who and where -------------------------------------------------------------------------------------------------

@description('Name of the environment: names the resource group and tags every resource.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Azure region for everything, data included. Refused when it lies outside `geography`.')
@metadata({ azd: { type: 'location' } })
param location string

@description('The border that data must not cross. Empty: the geography that holds `location`; azd then remembers it, and later deployments are held to it.')
@allowed([
  ''
  'australia'
  'brazil'
  'canada'
  'eu'
  'hongKong'
  'india'
  'indonesia'
  'israel'
  'japan'
  'korea'
  'malaysia'
  'mexico'
  'newZealand'
  'norway'
  'qatar'
  'singapore'
  'southAfrica'
  'switzerland'
  'uae'
  'uk'
  'us'
])
param geography string = ''

@description('Tags for every resource, beside the environment\'s own.')
param tags object = {}

// ---- traffic -------------------------------------------------------------------------------------------------------

@description('Partitions of the hub `calls`. Cannot be changed later; the useful number of ingest instances.')
@minValue(1)
@maxValue(32)
param partitions int = 4

@description('Throughput units bought: 1 MB/s or 1,000 events/s in, each.')
@minValue(1)
@maxValue(40)
param throughputUnits int = 1

@description('Auto-inflate up to so many throughput units; never comes down by itself. Not more than `throughputUnits`: off.')
@minValue(0)
@maxValue(40)
param maximumThroughputUnits int = 4

@description('Hours that the hub keeps calls, bodies and addresses included; less means less time to catch up after an outage.')
@minValue(1)
@maxValue(48)
param hubRetentionHours int = 24

@description('Consumer group for Gatewatch alone: a second reader would take its partitions away.')
param consumerGroup string = 'gatewatch'

// ---- storage -------------------------------------------------------------------------------------------------------

@description('Three copies in one building (LRS) or over three zones of the region (ZRS). Nothing else stays in the region.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageRedundancy string = 'Standard_LRS'

@description('Everything over three zones: the app\'s plan (two instances warm at least) and storage, whatever `storageRedundancy` says. The hub is so by itself where the region has zones.')
param zoneRedundant bool = false

// ---- compute -------------------------------------------------------------------------------------------------------

@description('Python of the Flex Consumption app.')
@allowed(['3.12', '3.13'])
param pythonVersion string = '3.12'

@description('Memory of an instance, in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMb int = 2048

@description('Upper limit of instances: the cap on compute cost.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 40

@description('HTTP requests that one instance answers at a time. Reading tables waits more than it works.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 16

@description('Instances kept warm, per function (`function:<name>`) or for all HTTP functions (`http`).')
param alwaysReady { name: string, instanceCount: int }[] = [
  { name: 'function:ingest', instanceCount: 1 }
]

@description('Settings of the app that are a choice; what they mean stands in settings.py. Names that the app does not know are refused.')
param appSettings Choices = {}

// ---- network -------------------------------------------------------------------------------------------------------

@description('`public`: public endpoints, guarded by roles alone. `private`: app in a virtual network, storage and hub behind private endpoints only. `privateExceptHub`: the same, but the hub stays public for API Management tiers that cannot join a network.')
@allowed(['public', 'private', 'privateExceptHub'])
param networkMode string = 'public'

@description('Address space of the virtual network, /25 or larger.')
param networkAddressPrefix string = '10.90.0.0/24'

@description('Public addresses (CIDR) that may reach the hub; empty: any, guarded by roles.')
param hubAllowedIpRanges string[] = []

@description('Subnet of the gateway\'s network for a private endpoint of the hub; not with `public`.')
param gatewaySubnetId string = ''

@description('Public addresses (CIDR) that may reach the app\'s HTTP endpoints and its deployment endpoint; empty: any, guarded by keys and Entra. The health probe stays allowed.')
param appAllowedIpRanges string[] = []

// ---- sign-in -------------------------------------------------------------------------------------------------------

@description('Client id of the Entra app registration that people sign in to the page with (docs/dashboard.md); empty: the page asks for a function key.')
param signInClientId string = ''

// ---- watching the watcher ------------------------------------------------------------------------------------------

@description('Who is told when Gatewatch itself is unwell.')
param alertEmails string[] = []

@description('Gigabytes a day after which Log Analytics takes nothing more in.')
@minValue(1)
param logDailyCapGb int = 1

@description('Who read what, in a workspace of its own: of everything; of the evidence account, hub and app alone; or not at all. One row for each request to storage: docs/cost.md.')
@allowed(['all', 'evidence', 'off'])
param accessLogs string = 'evidence'

@description('Gigabytes a day after which that workspace takes nothing more in.')
@minValue(1)
param accessLogDailyCapGb int = 1

// ---- gateway -------------------------------------------------------------------------------------------------------

@description('API Management service to wire up now; empty: later, with infra/modules/gateway.bicep or by hand.')
param gatewayName string = ''

@description('Its resource group.')
param gatewayResourceGroup string = ''

@description('Its subscription; empty: this one.')
param gatewaySubscriptionId string = ''

@description('Client id of the user-assigned identity that the service sends with; empty: its system-assigned identity.')
param gatewayIdentityClientId string = ''

@description('Principal id of that user-assigned identity; empty: the system-assigned identity\'s.')
param gatewayIdentityPrincipalId string = ''

@description('Key Vault secret of the key that stands callers\' subjects apart, https://VAULT.vault.azure.net/secrets/NAME; empty: a secret of API Management\'s own.')
param identityKeyInVault string = ''

@description('The guard, which refuses or slows callers that an operator lists: the variant of the service\'s tier, or none. Which APIs use it: tools.onboard.')
@allowed(['off', 'standard', 'consumption'])
param guard string = 'off'

@description('Whether the app may respond at the gateway when it is asked to: edit the guard\'s list, and suspend subscriptions; `off`: only people may, with tools.respond.')
@allowed(['off', 'callers', 'callersAndSubscriptions'])
param response string = 'off'

// ---- geography -----------------------------------------------------------------------------------------------------

// Regions by the border their data stays inside. A region that is missing here is refused: add it once you know its side.
var regionsOf = {
  australia: ['australiaeast', 'australiasoutheast', 'australiacentral', 'australiacentral2']
  brazil: ['brazilsouth', 'brazilsoutheast']
  canada: ['canadacentral', 'canadaeast']
  eu: [
    'austriaeast'
    'belgiumcentral'
    'denmarkeast'
    'francecentral'
    'francesouth'
    'germanynorth'
    'germanywestcentral'
    'italynorth'
    'northeurope'
    'polandcentral'
    'spaincentral'
    'swedencentral'
    'swedensouth'
    'westeurope'
  ]
  hongKong: ['eastasia']
  india: ['centralindia', 'southindia', 'westindia', 'jioindiacentral', 'jioindiawest']
  indonesia: ['indonesiacentral']
  israel: ['israelcentral']
  japan: ['japaneast', 'japanwest']
  korea: ['koreacentral', 'koreasouth']
  malaysia: ['malaysiawest']
  mexico: ['mexicocentral']
  newZealand: ['newzealandnorth']
  norway: ['norwayeast', 'norwaywest']
  qatar: ['qatarcentral']
  singapore: ['southeastasia']
  southAfrica: ['southafricanorth', 'southafricawest']
  switzerland: ['switzerlandnorth', 'switzerlandwest']
  uae: ['uaenorth', 'uaecentral']
  uk: ['uksouth', 'ukwest']
  us: [
    'centralus'
    'eastus'
    'eastus2'
    'northcentralus'
    'southcentralus'
    'westcentralus'
    'westus'
    'westus2'
    'westus3'
  ]
}
var homes = filter(items(regionsOf), entry => contains(entry.value, location))
var home = empty(homes)
  ? fail('Region \'${location}\' is in no geography that Gatewatch knows; see regionsOf in infra/main.bicep.')
  : homes[0].key
var chosenGeography = empty(geography) || geography == home
  ? home
  : fail('Region \'${location}\' is in geography \'${home}\', but this environment is held to \'${geography}\'. Choose one of: ${join(regionsOf[geography], ', ')}.')

// ---- names ---------------------------------------------------------------------------------------------------------

var token = toLower(uniqueString(subscription().id, environmentName, location))
var names = {
  group: 'rg-${environmentName}'
  identity: 'id-gatewatch-${token}'
  namespace: 'evhns-gatewatch-${token}'
  state: 'stgwstate${token}'
  responseIdentity: 'id-gatewatch-response-${token}'
  evidence: 'stgwevid${token}'
  plan: 'plan-gatewatch-${token}'
  app: 'func-gatewatch-${token}'
  workspace: 'log-gatewatch-${token}'
  accessWorkspace: 'log-access-gatewatch-${token}'
  insights: 'appi-gatewatch-${token}'
  network: 'vnet-gatewatch-${token}'
  actionGroup: 'ag-gatewatch-${token}'
}
var hubs = { calls: 'calls', alerts: 'alerts' }
var packageContainer = 'app-package'
var purgedContainers = ['quarantine', 'exports'] // as retention/policy.py names them
var keptContainers = ['configuration', 'intel', 'posture']
var allTags = union(tags, {
  'azd-env-name': environmentName
  'gatewatch-geography': chosenGeography
})
var privateNetwork = networkMode != 'public'
var hasGateway = !empty(gatewayName)
var responds = hasGateway && response != 'off'
var gatewaySubscription = empty(gatewaySubscriptionId) ? subscription().subscriptionId : gatewaySubscriptionId
var gatewayId = hasGateway
  ? resourceId(gatewaySubscription, gatewayResourceGroup, 'Microsoft.ApiManagement/service', gatewayName)
  : ''

// ---- resources -----------------------------------------------------------------------------------------------------

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: names.group
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: {
    name: names.identity
    location: location
    tags: allTags
  }
}

// An identity of its own, with a right of its own: what decodes callers' bytes cannot change what the gateway runs.
module responseIdentity 'modules/identity.bicep' = if (responds) {
  scope: group
  params: {
    name: names.responseIdentity
    location: location
    tags: allTags
  }
}

module responseRight 'modules/response.bicep' = if (responds) {
  scope: resourceGroup(gatewaySubscription, gatewayResourceGroup)
  params: {
    serviceName: gatewayName
    principalId: responseIdentity!.outputs.principalId
    identityName: names.responseIdentity
    subscriptions: response == 'callersAndSubscriptions'
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    location: location
    tags: allTags
    stateName: names.state
    evidenceName: names.evidence
    redundancy: zoneRedundant ? 'Standard_ZRS' : storageRedundancy
    packageContainer: packageContainer
    purgedContainers: purgedContainers
    keptContainers: keptContainers
    publicAccess: !privateNetwork
  }
}

module eventHubs 'modules/event-hubs.bicep' = {
  scope: group
  params: {
    location: location
    tags: allTags
    namespaceName: names.namespace
    callsHub: hubs.calls
    alertsHub: hubs.alerts
    consumerGroup: consumerGroup
    partitions: partitions
    throughputUnits: throughputUnits
    maximumThroughputUnits: maximumThroughputUnits
    retentionHours: hubRetentionHours
    publicAccess: networkMode != 'private'
    allowedIpRanges: hubAllowedIpRanges
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    location: location
    tags: allTags
    workspaceName: names.workspace
    insightsName: names.insights
    dailyCapGb: logDailyCapGb
  }
}

module gatewayIdentity 'modules/gateway-identity.bicep' = if (hasGateway) {
  scope: resourceGroup(gatewaySubscription, gatewayResourceGroup)
  params: {
    serviceName: gatewayName
    readerPrincipalId: identity.outputs.principalId
    readerName: names.identity
    principalId: gatewayIdentityPrincipalId
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  dependsOn: [storage, eventHubs, monitoring]
  params: {
    identityName: names.identity
    identityPrincipalId: identity.outputs.principalId
    namespaceName: names.namespace
    callsHub: hubs.calls
    alertsHub: hubs.alerts
    stateName: names.state
    evidenceName: names.evidence
    insightsName: names.insights
    gatewayPrincipalId: hasGateway ? gatewayIdentity!.outputs.principalId : ''
    gatewayId: gatewayId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  scope: group
  dependsOn: [storage, eventHubs]
  params: {
    location: location
    tags: allTags
    networkName: names.network
    addressPrefix: networkAddressPrefix
    namespaceName: names.namespace
    stateName: names.state
    evidenceName: names.evidence
    gatewaySubnetId: gatewaySubnetId
  }
}

module functionApp 'modules/function-app.bicep' = {
  scope: group
  dependsOn: [roles]
  params: {
    location: location
    tags: allTags
    planName: names.plan
    appName: names.app
    identityName: names.identity
    identityClientId: identity.outputs.clientId
    namespaceName: names.namespace
    stateName: names.state
    evidenceName: names.evidence
    insightsConnectionString: monitoring.outputs.connectionString
    packageContainer: packageContainer
    subnetId: privateNetwork ? network!.outputs.functionsSubnetId : ''
    pythonVersion: pythonVersion
    instanceMemoryMb: instanceMemoryMb
    maximumInstances: maximumInstances
    httpConcurrency: httpConcurrency
    zoneRedundant: zoneRedundant
    // The plan refuses a single warm instance where it spreads over zones.
    alwaysReady: map(
      alwaysReady,
      one => zoneRedundant ? { name: one.name, instanceCount: max(2, one.instanceCount) } : one
    )
    allowedIpRanges: appAllowedIpRanges
    // What the hub still holds after an outage must still count.
    appSettings: union(
      { MAX_EVENT_AGE_HOURS: string(max(24, hubRetentionHours)), POSTURE_SERVICES: gatewayId },
      appSettings,
      empty(signInClientId)
        ? {}
        : {
            OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identity.outputs.clientId
            SIGN_IN: 'entra'
          },
      {
        ALERT_HUB_NAME: hubs.alerts
        EVENT_HUB_NAME: hubs.calls
        EVENT_HUB_CONSUMER_GROUP: consumerGroup
        HUB_RETENTION_HOURS: string(hubRetentionHours)
        GATEWAY_RESOURCE_ID: gatewayId
        GEOGRAPHY: chosenGeography
        RESOURCE_MANAGER: environment().resourceManager
        RESPONSE_CLIENT_ID: responds ? responseIdentity!.outputs.clientId : ''
        RESPONSE_SUBSCRIPTIONS: responds && response == 'callersAndSubscriptions' ? 'true' : 'false'
      }
    )
    responseIdentityName: responds ? names.responseIdentity : ''
  }
}

module signIn 'modules/sign-in.bicep' = if (!empty(signInClientId)) {
  scope: group
  dependsOn: [functionApp]
  params: {
    appName: names.app
    clientId: signInClientId
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  dependsOn: [eventHubs]
  params: {
    location: location
    tags: allTags
    actionGroupName: names.actionGroup
    emails: alertEmails
    hostName: functionApp.outputs.hostName
    workspaceName: names.workspace
    insightsName: names.insights
    namespaceName: names.namespace
  }
}

module access 'modules/access-logs.bicep' = if (accessLogs != 'off') {
  scope: group
  dependsOn: [storage, eventHubs, functionApp]
  params: {
    location: location
    tags: allTags
    workspaceName: names.accessWorkspace
    dailyCapGb: accessLogDailyCapGb
    namespaceName: names.namespace
    stateName: names.state
    evidenceName: names.evidence
    appName: names.app
    stateToo: accessLogs == 'all'
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  dependsOn: [monitoring, eventHubs]
  params: {
    location: location
    tags: allTags
    workspaceName: names.workspace
    namespaceName: names.namespace
  }
}

module gateway 'modules/gateway.bicep' = if (hasGateway) {
  scope: resourceGroup(gatewaySubscription, gatewayResourceGroup)
  dependsOn: [roles]
  params: {
    serviceName: gatewayName
    namespaceName: names.namespace
    callsHub: hubs.calls
    identityClientId: gatewayIdentityClientId
    identityKeyInVault: identityKeyInVault
    guard: guard
    trustedProxies: appSettings.?TRUSTED_PROXIES ?? ''
  }
}

// ---- outputs: azd keeps them in the environment --------------------------------------------------------------------

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = names.group
output GATEWATCH_GEOGRAPHY string = chosenGeography
output GATEWATCH_FUNCTION_APP string = names.app
output GATEWATCH_URL string = 'https://${functionApp.outputs.hostName}'
output GATEWATCH_EVENT_HUB_NAMESPACE string = '${names.namespace}.servicebus.windows.net'
output GATEWATCH_EVENT_HUB_NAME string = hubs.calls
output GATEWATCH_STATE_ACCOUNT string = names.state
output GATEWATCH_EVIDENCE_ACCOUNT string = names.evidence
output GATEWATCH_IDENTITY_CLIENT_ID string = identity.outputs.clientId
output GATEWATCH_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
