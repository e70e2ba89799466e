"""A service that knows carbon intensity, in the four forms that sources speak; it can be made to misbehave.

It checks what a real one checks (keys, regions, sign-in) and keeps each request. `answer` puts something else in the
place of every answer: bytes, or a function of the handler.
"""

import base64
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KEY = "key-that-nobody-may-see"
NAME, PASSWORD = "commons", "word-that-nobody-may-see"
BEGIN = 1_750_000_200  # 15:10 UTC: no whole hour, no whole half-hour
HALF_HOUR, HOUR = 1_800, 3_600
VALUES = [212, 180, 95, 300]


def text(at):
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")


class GridService:
    """Answers at `url` until it is closed."""

    def __init__(self):
        self.asked = []
        self.answer = None
        self.tokens = []
        self.values = list(VALUES)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                service.asked.append((self.path, dict(self.headers)))
                if service.answer is None:
                    status, body = service.right(urlsplit(self.path), self.headers)
                    send(self, json.dumps(body).encode(), status)
                elif callable(service.answer):
                    service.answer(self)
                else:
                    send(self, service.answer)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def right(self, address, headers):
        """Return the status and the body that a service in order answers."""
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        path = address.path
        if path.startswith("/v3/carbon-intensity/"):
            return self.electricity_maps(path.rpartition("/")[2], query, headers)
        if path == "/login" or path in {"/v3/forecast", "/v3/historical"}:
            return self.watttime(path, query, headers)
        if path.startswith("/emissions/"):
            return self.carbon_aware(path, query)
        if path.startswith("/regional/intensity/"):
            return self.uk(path)
        return 404, {"error": "not found"}

    def electricity_maps(self, what, query, headers):
        if headers.get("auth-token") != KEY:
            return 401, {"error": "Unauthorized"}
        zone = query["zone"]
        if zone != "FR":
            return 404, {"error": "zone unknown"}
        top = BEGIN // HOUR * HOUR
        entries = [
            {"zone": zone, "carbonIntensity": value, "datetime": text(top + place * HOUR).replace("Z", ":00.000Z")}
            for place, value in enumerate(self.values)
        ]
        if what == "latest":
            return 200, {**entries[-1], "isEstimated": True, "emissionFactorType": "lifecycle"}
        return 200, {"zone": zone, what: entries}

    def watttime(self, path, query, headers):
        kind, _, secret = headers.get("Authorization", "").partition(" ")
        if path == "/login":
            if kind != "Basic" or base64.b64decode(secret).decode() != f"{NAME}:{PASSWORD}":
                return 401, {"error": "no"}
            self.tokens.append(f"token-{len(self.tokens)}")
            return 200, {"token": self.tokens[-1]}
        if kind != "Bearer" or secret not in self.tokens[-1:]:
            return 401, {"error": "no"}
        data = [
            {"point_time": text(BEGIN + 300 * place), "value": value + 0.5} for place, value in enumerate(self.values)
        ]
        meta = {"region": query["region"], "signal_type": query["signal_type"], "units": "lbs_co2_per_mwh"}
        return 200, {"data": data, "meta": {**meta, "data_point_period_seconds": 300}}

    def carbon_aware(self, path, query):
        place = query["location"]
        if path == "/emissions/bylocations":
            return 200, [
                {"location": place, "time": text(BEGIN + 600 * number), "rating": value, "duration": "00:10:00"}
                for number, value in enumerate(self.values)
            ]
        points = [
            {"location": "IE", "timestamp": text(BEGIN + 600 * number), "duration": 10, "value": value + 0.4451043375}
            for number, value in enumerate(self.values)
        ]
        return 200, [{"location": place, "generatedAt": text(BEGIN), "forecastData": points}]

    def uk(self, path):
        region = int(path.rpartition("/")[2])
        begin = BEGIN // HALF_HOUR * HALF_HOUR
        data = [
            {
                "from": text(begin + HALF_HOUR * place),
                "to": text(begin + HALF_HOUR * (place + 1)),
                "intensity": {"forecast": value, "index": "moderate"},
                "generationmix": [{"fuel": "wind", "perc": 40.1}],
            }
            for place, value in enumerate(self.values)
        ]
        return 200, {"data": {"regionid": region, "shortname": "somewhere", "data": data}}


def send(handler, body, status=200, **headers):
    """Answer, like a service in order."""
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
