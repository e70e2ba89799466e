"""The JSON API of governance: parse, call one service, present. `config/api_errors.py` turns refusals into answers."""
