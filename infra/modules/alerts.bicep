// Who is told when Gatewatch itself is unwell, and of what.

param location string
param tags object
param actionGroupName string
param emails string[]
param workspaceName string
param insightsName string
param namespaceName string

@description('Host name of the app, whose /api/health is asked.')
param hostName string

@description('From where it is asked: ids of Application Insights\' availability locations. The answer holds no personal data.')
param probeLocations string[] = ['emea-nl-ams-azr']

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource actions 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'gatewatch'
    emailReceivers: [for (email, i) in emails: { name: 'email-${i}', emailAddress: email, useCommonAlertSchema: true }]
  }
}

// Health knows of lag, storage, hub and a stopped evaluation (adapters/health.py); asked from outside, its silence is heard.
resource probe 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'gatewatch-health'
  location: location
  tags: union(tags, { 'hidden-link:${insights.id}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: 'gatewatch-health'
    Name: 'gatewatch-health'
    Enabled: true
    Kind: 'standard'
    Frequency: 300
    Timeout: 60
    RetryEnabled: true
    Locations: [for place in probeLocations: { Id: place }]
    Request: {
      RequestUrl: 'https://${hostName}/api/health'
      HttpVerb: 'GET'
      ParseDependentRequests: false
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 7
    }
  }
}

// One row a rule: it fires when the query returns a row. The events are those of adapters/telemetry.py.
var rules = [
  {
    name: 'unhealthy'
    title: 'Gatewatch is unwell'
    description: 'Health answers 503 or not at all: ingest lags, evaluation has stopped, or storage or hub cannot be reached. GET /api/health names the problem.'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: 'AppAvailabilityResults | where Name == "gatewatch-health" | summarize failed = countif(Success == false), asked = count() | where failed * 2 > asked'
  }
  {
    name: 'retention-breach'
    title: 'A retention promise is broken'
    description: 'Personal data is older than promised.'
    severity: 1
    every: 'PT15M'
    window: 'PT1H'
    query: 'AppEvents | where Name == "GatewatchAlert" | where tostring(Properties.detector) == "Gatewatch_RetentionBreach" | where tobool(Properties.open)'
  }
  {
    name: 'detector-failure'
    title: 'A detector fails'
    description: 'A detector raised an error. The others go on; what it watches is unwatched.'
    severity: 2
    every: 'PT15M'
    window: 'PT1H'
    query: 'AppEvents | where Name == "GatewatchDetectorFailure"'
  }
]

resource queryRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'gatewatch-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: rule.description
      enabled: true
      severity: rule.severity
      scopes: [workspace.id]
      evaluationFrequency: rule.every
      windowSize: rule.window
      autoMitigate: true
      skipQueryValidation: true // the tables get their columns with the first telemetry, after this deployment
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { minFailingPeriodsToAlert: 1, numberOfEvaluationPeriods: 1 }
          }
        ]
      }
      actions: { actionGroups: [actions.id] }
    }
  }
]

// What the platform itself counts: true even when the app says nothing. By namespace, as a throughput unit is.
var counts = [
  {
    name: 'no-traffic'
    description: 'No gateway has sent a call for an hour: an outage, a closed network, the off switch, or the policy is gone.'
    metric: 'IncomingMessages'
    operator: 'LessThan'
    threshold: 1
    window: 'PT1H'
  }
  {
    name: 'throttled'
    description: 'The hub throttles: gateways send more than its throughput units take, and what they cannot send is lost. See docs/throttling.md.'
    metric: 'ThrottledRequests'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT5M'
  }
]

resource countRules 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in counts: {
    name: 'gatewatch-${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: rule.description
      enabled: true
      severity: 2
      scopes: [namespace.id]
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      autoMitigate: true
      targetResourceType: 'Microsoft.EventHub/namespaces'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: rule.name
            criterionType: 'StaticThresholdCriterion'
            metricNamespace: 'Microsoft.EventHub/namespaces'
            metricName: rule.metric
            timeAggregation: 'Total'
            operator: rule.operator
            threshold: rule.threshold
          }
        ]
      }
      actions: [{ actionGroupId: actions.id }]
    }
  }
]
