#!/usr/bin/env bash
# Makes, or completes, the Entra app registration that people sign in to the page with, and says what to set. No secret is made: the app's own
# identity vouches for it. Needs Azure CLI, signed in as somebody who may register applications; a repeat changes nothing that is right already.
# usage: infra/sign-in/register.sh [https://gatewatch.contoso.com]    # an own domain beside the app's; GATEWATCH_* come from azd
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
value() { azd env get-value "$1"; }

environment="$(value AZURE_ENV_NAME)"
url="$(value GATEWATCH_URL)"
principal="$(value GATEWATCH_IDENTITY_PRINCIPAL_ID)"
tenant="$(az account show --query tenantId -o tsv)"
name="Gatewatch $environment"
redirects=("$url/.auth/login/aad/callback" ${1:+"${1%/}/.auth/login/aad/callback"})

client="$(az ad app list --filter "displayName eq '$name'" --query '[0].appId' -o tsv)"
if [[ -z "$client" ]]; then
  client="$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId -o tsv)"
fi
az ad app update --id "$client" --web-redirect-uris "${redirects[@]}" --enable-id-token-issuance true --app-roles "@$here/roles.json"

# only who has a role may sign in: else everybody in the tenant could
az ad sp show --id "$client" >/dev/null 2>&1 || az ad sp create --id "$client" >/dev/null
az ad sp update --id "$client" --set appRoleAssignmentRequired=true

if [[ "$(az ad app federated-credential list --id "$client" --query "length([?subject=='$principal'])" -o tsv)" == 0 ]]; then
  az ad app federated-credential create --id "$client" --parameters "$(printf \
    '{"name":"gatewatch","issuer":"https://login.microsoftonline.com/%s/v2.0","subject":"%s","audiences":["api://AzureADTokenExchange"]}' \
    "$tenant" "$principal")" >/dev/null
fi

azd env set GATEWATCH_SIGN_IN_CLIENT_ID "$client"
echo "Registered as $client. Now: azd provision; then give people their role under Entra ID > Enterprise applications > $name > Users and groups."
