"""What answers programs that hold a key: one function for each address of `web.routes`."""

from datetime import UTC, datetime

import azure.functions as func

from triggers.answer import sent
from triggers.app import gatewatch
from web.access import believable
from web.audited import change
from web.routes import RESOURCES, Request, Resource

keyed = func.Blueprint()  # type: ignore[no-untyped-call]


def _add(resource: Resource) -> None:
    level = func.AuthLevel.ANONYMOUS if resource.open else func.AuthLevel.ADMIN if resource.needs_master_key else func.AuthLevel.FUNCTION

    def answer(req: func.HttpRequest) -> func.HttpResponse:
        headers = believable(req.headers, gatewatch.settings.signs_in)
        request = Request(req.method, req.route_params, req.params, headers, req.get_body(), datetime.now(UTC))
        return sent(change(gatewatch, resource, request), headers.get("accept-encoding", ""))

    route = keyed.route(route=f"api/{resource.path}", methods=list(resource.methods), auth_level=level)
    keyed.function_name(resource.name)(route(answer))


for _resource in RESOURCES:
    _add(_resource)
