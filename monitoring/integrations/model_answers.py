"""What an OpenAI-style request and answer say of themselves: the model and the tokens, never the words."""

from __future__ import annotations

import msgspec

from monitoring.conventions import INPUT_TOKENS, OUTPUT_TOKENS, RESPONSE_MODEL
from monitoring.wire import Value

_DATA = b"data:"


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(msgspec.Struct):
    model: str | None = None
    usage: _Usage | None = None


class _Asked(msgspec.Struct):
    model: str | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_asked = msgspec.json.Decoder(_Asked).decode


def read_request_model(content: bytes) -> str | None:
    """The model that a request asks for, None where it says none."""
    try:
        return _decode_asked(content).model
    except msgspec.MsgspecError:
        return None


def read_answer(content: bytes) -> dict[str, Value]:
    """The model and the tokens of a whole answer, as attributes; what it does not say is left out."""
    try:
        answer = _decode_answer(content)
    except msgspec.MsgspecError:
        return {}
    found: dict[str, Value] = {}
    if answer.model is not None:
        found[RESPONSE_MODEL] = answer.model
    if answer.usage is not None:
        if answer.usage.prompt_tokens is not None:
            found[INPUT_TOKENS] = answer.usage.prompt_tokens
        if answer.usage.completion_tokens is not None:
            found[OUTPUT_TOKENS] = answer.usage.completion_tokens
    return found


def read_stream_line(line: bytes) -> dict[str, Value]:
    """The same of one line of a streamed answer; the last event that has usage tells the whole."""
    return read_answer(line[len(_DATA) :].strip()) if line.startswith(_DATA) and b'"usage"' in line else {}
