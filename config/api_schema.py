"""What the generated OpenAPI document cannot know: every operation may answer with problem JSON (RFC 9457)."""

from typing import Any

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOutput"}}}
ERROR_STATUS_LEAST = 400


def document_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401 - drf-spectacular's signature
    """Give each refusal its true media type, and each operation the refusals that any of them may have."""
    for path in result["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            for status, response in responses.items():
                if status.isdigit() and int(status) >= ERROR_STATUS_LEAST:
                    response["content"] = PROBLEM
            responses["default"] = {"description": "A refusal, with a stable code.", "content": PROBLEM}
    return result
