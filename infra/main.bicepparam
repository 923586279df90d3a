// Parameters from azd's environment (`azd env set NAME VALUE`), or from exported variables with the Azure CLI.
// Lists are written with commas. What is not set takes the default that main.bicep documents.

using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param geography = readEnvironmentVariable('GATEWATCH_GEOGRAPHY', '')

param partitions = int(readEnvironmentVariable('GATEWATCH_PARTITIONS', '4'))
param throughputUnits = int(readEnvironmentVariable('GATEWATCH_THROUGHPUT_UNITS', '1'))
param maximumThroughputUnits = int(readEnvironmentVariable('GATEWATCH_MAXIMUM_THROUGHPUT_UNITS', '4'))
param hubRetentionHours = int(readEnvironmentVariable('GATEWATCH_HUB_RETENTION_HOURS', '24'))

param storageRedundancy = readEnvironmentVariable('GATEWATCH_STORAGE_REDUNDANCY', 'Standard_LRS')
param zoneRedundant = bool(readEnvironmentVariable('GATEWATCH_ZONE_REDUNDANT', 'false'))
param instanceMemoryMb = any(int(readEnvironmentVariable('GATEWATCH_INSTANCE_MEMORY_MB', '2048')))
param maximumInstances = int(readEnvironmentVariable('GATEWATCH_MAXIMUM_INSTANCES', '40'))
param httpConcurrency = int(readEnvironmentVariable('GATEWATCH_HTTP_CONCURRENCY', '16'))
param alwaysReady = map(
  filter(split(readEnvironmentVariable('GATEWATCH_ALWAYS_READY', 'function:ingest=1'), ','), one => !empty(one)),
  one => { name: split(one, '=')[0], instanceCount: int(split(one, '=')[1]) }
)

param appSettings = json(readEnvironmentVariable('GATEWATCH_APP_SETTINGS', '{}'))

param networkMode = readEnvironmentVariable('GATEWATCH_NETWORK_MODE', 'public')
param hubAllowedIpRanges = filter(
  split(readEnvironmentVariable('GATEWATCH_HUB_ALLOWED_IP_RANGES', ''), ','),
  range => !empty(range)
)
param appAllowedIpRanges = filter(
  split(readEnvironmentVariable('GATEWATCH_APP_ALLOWED_IP_RANGES', ''), ','),
  range => !empty(range)
)
param gatewaySubnetId = readEnvironmentVariable('GATEWATCH_GATEWAY_SUBNET_ID', '')

param signInClientId = readEnvironmentVariable('GATEWATCH_SIGN_IN_CLIENT_ID', '')

param accessLogs = readEnvironmentVariable('GATEWATCH_ACCESS_LOGS', 'evidence')
param logDailyCapGb = int(readEnvironmentVariable('GATEWATCH_LOG_DAILY_CAP_GB', '1'))
param accessLogDailyCapGb = int(readEnvironmentVariable('GATEWATCH_ACCESS_LOG_DAILY_CAP_GB', '1'))

param alertEmails = filter(split(readEnvironmentVariable('GATEWATCH_ALERT_EMAILS', ''), ','), email => !empty(email))

param gatewayName = readEnvironmentVariable('GATEWATCH_GATEWAY_NAME', '')
param gatewayResourceGroup = readEnvironmentVariable('GATEWATCH_GATEWAY_RESOURCE_GROUP', '')
param gatewaySubscriptionId = readEnvironmentVariable('GATEWATCH_GATEWAY_SUBSCRIPTION_ID', '')
param gatewayIdentityClientId = readEnvironmentVariable('GATEWATCH_GATEWAY_IDENTITY_CLIENT_ID', '')
param gatewayIdentityPrincipalId = readEnvironmentVariable('GATEWATCH_GATEWAY_IDENTITY_PRINCIPAL_ID', '')
param identityKeyInVault = readEnvironmentVariable('GATEWATCH_IDENTITY_KEY_IN_VAULT', '')
param guard = readEnvironmentVariable('GATEWATCH_GUARD', 'off')
param response = readEnvironmentVariable('GATEWATCH_RESPONSE', 'off')
