"""Prints what the published client makes of a sandbox's logs, a JSON text a line.

    PANDASTACK_API=… PANDASTACK_API_KEY=… python_client.py snapshot|follow|known SANDBOX
"""
import json
import sys

from pandastack import Client, Sandbox

how, sandbox_id = sys.argv[1:]
client = Client()
# As a program has it that has started the sandbox, or (known) one that asks for it later.
sandbox = client.sandboxes.get(sandbox_id) if how == "known" else Sandbox.from_dict({"id": sandbox_id}, client)
for line in sandbox.logs(follow=True) if how == "follow" else sandbox.logs():
    print(json.dumps(line), flush=True)
