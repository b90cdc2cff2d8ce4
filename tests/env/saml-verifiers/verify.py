"""Judges the signatures of SAML redirects as two other implementations do: pysaml2 and python3-saml.

Reads {"certificate": base64 of DER, "queries": [raw query, ...]} and writes, for each query, the judgement of each reader:

- "pysaml2" decodes the values, encodes them anew in its own way and verifies that text;
- "python3-saml" verifies the raw query as it was sent;
- "python3-saml-anew" decodes and encodes, like pysaml2.
"""

import json
import sys
from urllib.parse import parse_qsl

from onelogin.saml2.auth import OneLogin_Saml2_Auth
from saml2.sigver import RSACrypto, verify_redirect_signature


def fields(query):
    """Each name once, or the query means different things to different readers."""
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def by_pysaml2(values, certificate):
    try:
        return verify_redirect_signature(values, RSACrypto(None), cert=certificate)
    except Exception as wrong:  # on a signature that is not base64, pysaml2 raises its decoder's exception
        print(f"pysaml2: {wrong!r}", file=sys.stderr)
        return False


def by_python3_saml(values, query, certificate):
    settings = {
        "strict": True,
        "sp": {"entityId": "https://reader.test", "assertionConsumerService": {"url": "https://reader.test/acs"}},
        "idp": {
            "entityId": "https://os2nykode.test",
            "singleSignOnService": {"url": "https://os2nykode.test/sso"},
            "x509cert": certificate,
        },
    }
    request = {"https": "on", "http_host": "reader.test", "script_name": "/", "get_data": values, "post_data": {}}
    if query is not None:
        request |= {"query_string": query, "validate_signature_from_qs": True}
    reader = OneLogin_Saml2_Auth(request, old_settings=settings)
    if "SAMLRequest" in values:
        return reader.validate_request_signature(values)
    return reader.validate_response_signature(values)


def main():
    asked = json.load(sys.stdin)
    certificate = asked["certificate"]
    told = []
    for query in asked["queries"]:
        values = fields(query)
        told.append(
            {
                "pysaml2": bool(by_pysaml2(values, certificate)),
                "python3-saml": bool(by_python3_saml(values, query, certificate)),
                "python3-saml-anew": bool(by_python3_saml(values, None, certificate)),
            }
        )
    json.dump(told, sys.stdout)


main()
