"""What schemathesis asks is random; this leads half of it to a sandbox that there is, and lets nothing wait for long."""
import random

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    leads = random.random() < 0.5
    if leads and "id" in (case.path_parameters or {}):
        case.path_parameters["id"] = "s"
    if not case.operation.path.endswith("/wait"):
        return
    query = dict(case.query or {})
    # Hardly any text that is made up stands in a line.
    if leads and random.random() < 0.5:
        query = {"for": "needle"}
    # Without any it is half a minute; what is no number stays, to be refused.
    given = query.get("timeout", 1)
    if isinstance(given, int) and not isinstance(given, bool):
        query["timeout"] = min(given, 1)
    case.query = query
