"""What answers browsers: the page and its files to everybody, and what the page asks for to whoever signed in and has the role."""

from datetime import UTC, datetime

import azure.functions as func

from triggers.answer import sent
from triggers.app import gatewatch
from web.access import Refusal, believable, refusal
from web.audited import change
from web.routes import Answer, Request, find

pages = func.Blueprint()  # type: ignore[no-untyped-call]


@pages.function_name("page")
@pages.route(route="ui/{*path}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
def page(req: func.HttpRequest) -> func.HttpResponse:
    from web.page import serve

    status, body, headers = serve(
        req.route_params.get("path", ""), req.headers.get("if-none-match", ""), req.headers.get("accept-encoding", "")
    )
    return func.HttpResponse(body, status_code=status, headers=headers, mimetype=headers.get("Content-Type", "text/plain"), charset="utf-8")


@pages.function_name("page_api")
@pages.route(route="ui/api/{*path}", methods=["GET", "POST", "PATCH", "PUT", "DELETE"], auth_level=func.AuthLevel.ANONYMOUS)
def page_api(req: func.HttpRequest) -> func.HttpResponse:
    settings = gatewatch.settings
    headers = believable(req.headers, settings.signs_in)
    accepted = headers.get("accept-encoding", "")
    found = find(req.route_params.get("path", ""))
    if found is None:
        return sent(_refused(Refusal(404, "NotFound", "there is nothing at this address")), accepted)
    resource, path = found
    if req.method not in resource.methods:
        return sent(_refused(Refusal(405, "Method", "this address has no such method")), accepted, {"Allow": ", ".join(resource.methods)})
    needs, _ = resource.methods[req.method]
    if (why := refusal(None if resource.any_role else needs, req.method, headers, settings.sites)) is not None:
        return sent(_refused(why), accepted)
    request = Request(req.method, path, req.params, headers, req.get_body(), datetime.now(UTC))
    return sent(change(gatewatch, resource, request), accepted)


def _refused(why: Refusal) -> Answer:
    """Where sign-in is on, a browser that is signed out is told where to."""
    sign_in = {"signIn": "/.auth/login/aad" if gatewatch.settings.signs_in else None} if why.status == 401 else {}
    return Answer(why.status, {"error": {"code": why.code, "message": why.message, **sign_in}})
