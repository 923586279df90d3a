// The operator's page in the portal: traffic in, lag, failures, retention.

param location string
param tags object
param workspaceName string
param namespaceName string

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'gatewatch-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Gatewatch operations'
    category: 'workbook'
    sourceId: workspace.id
    version: 'Notebook/1.0'
    serializedData: replace(
      replace(loadTextContent('workbook.json'), '{workspace}', workspace.id),
      '{namespace}',
      namespace.id
    )
  }
}
