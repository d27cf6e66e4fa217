"""Names of attributes as OpenTelemetry's semantic conventions spell them; those with + are not stable there yet.

https://opentelemetry.io/docs/specs/semconv/
"""

CONVENTIONS = "1.37.0"

DB_SYSTEM = "db.system.name"
DB_OPERATION = "db.operation.name"
DB_COLLECTION = "db.collection.name"
DB_NAMESPACE = "db.namespace"
DB_ROWS = "db.response.returned_rows"  # +
DB_BATCH_SIZE = "db.operation.batch.size"

HTTP_METHOD = "http.request.method"
HTTP_STATUS = "http.response.status_code"
HTTP_ROUTE = "http.route"

SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"

PROVIDER = "gen_ai.provider.name"  # +
REQUEST_MODEL = "gen_ai.request.model"  # +
RESPONSE_MODEL = "gen_ai.response.model"  # +
INPUT_TOKENS = "gen_ai.usage.input_tokens"  # +
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"  # +

SERVICE_VERSION = "service.version"
CLOSE_CODE = "websocket.close_code"  # ours
