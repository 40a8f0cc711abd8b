"""Which tokens are good: signed in the one way, for now, for us, by claims of the right kind, and nothing else."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from wsserver.access.tokens import TOKEN_CHARS, BadKey, Key, Verifier, mint, public_key, secret_key
from wsserver.chat.authority import BadToken, Grant

SECRET = "correct horse battery staple 1234"
OTHER = "wrong horse battery staple 123456"
NOW = 1_700_000_000
GOOD: dict[str, Any] = {"sub": "ann", "exp": NOW + 60}

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def pem(key: Any) -> bytes:
    data: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return data


def sign(claims: Any = GOOD, key: Any = SECRET, algorithm: str = "HS256", **header: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jwt.PyJWS().encode(payload, key, algorithm, headers=header or None)


def by_hand(header: Any, claims: Any = GOOD, signature: bytes = b"x" * 32) -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def verify(token: str, key: Key | None = None, audience: str = "", now: float = NOW) -> Grant:
    return Verifier(key or secret_key(SECRET), audience).verify(token, round(now * 1000))


def reason(token: str, **named: Any) -> str:
    with pytest.raises(BadToken) as caught:
        verify(token, **named)
    assert len(caught.value.reason.encode()) <= 123  # fits into a Close frame
    return caught.value.reason


def test_a_token_with_a_subject_and_an_end_is_good() -> None:
    assert verify(sign()) == Grant("ann", (NOW + 60) * 1000)


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256")])
def test_the_kind_of_a_public_key_decides_the_algorithm(key: Any, algorithm: str) -> None:
    public = public_key(pem(key))
    assert public.algorithm == algorithm
    assert verify(sign(key=key, algorithm=algorithm), public).user == "ann"


def test_what_is_minted_is_good() -> None:
    token = mint(SECRET, "ann", NOW + 60, ["news:*", "lobby"], "here")
    assert verify(token, audience="here") == Grant("ann", (NOW + 60) * 1000, ("news:*", "lobby"))
    assert jwt.decode(
        mint(SECRET, "bob", NOW), SECRET, algorithms=["HS256"], options={"verify_exp": False}
    ) == {"sub": "bob", "exp": NOW}  # fmt: skip


@pytest.mark.parametrize(
    "token",
    [
        sign(key=OTHER),
        sign()[:-2],
        sign() + "AA",
        sign().replace(".", "..", 1),
        sign() + "=",
        sign() + "\n",
        by_hand({"alg": "none"}),
        by_hand({"alg": "none"}, signature=b""),
        by_hand({"alg": "None"}),
        by_hand({"alg": ["HS256"]}),
        by_hand({}),
        by_hand([]),
        by_hand({"alg": "HS256"}),
        sign(key=RSA_KEY, algorithm="RS256"),
        sign(algorithm="HS512", key=SECRET * 2),
        sign(crit=["b64"], b64=True),
        sign(crit=["exp"], exp=1),
        "",
        "a.b.c",
        ".".join([sign().split(".")[0], "", ""]),
        "é.é.é",
        "a" * (TOKEN_CHARS + 1),
    ],
)
def test_what_is_not_signed_in_the_one_way_is_refused_and_not_told_why(token: str) -> None:
    assert reason(token) == "the token is not good"


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256")])
def test_a_public_key_is_not_taken_for_a_secret(key: Any, algorithm: str) -> None:
    """The oldest attack there is on JWT: HS256 with the public key, which everybody has, as the secret."""
    signing_input = sign(key=OTHER).rpartition(".")[0]
    forged = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signing_input.encode(), pem(key))
    token = signing_input + "." + base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
    assert reason(token, key=public_key(pem(key))) == "the token is not good"


@pytest.mark.parametrize("name", ["kid", "jku", "x5u"])
def test_the_header_leads_nowhere(name: str) -> None:
    assert verify(sign(**{name: "https://evil.example/keys"})).user == "ann"
    assert reason(sign(key=OTHER, **{name: "https://evil.example/keys"})) == "the token is not good"


def test_a_key_inside_of_the_token_is_not_used() -> None:
    jwk = json.loads(jwt.algorithms.HMACAlgorithm.to_jwk(OTHER.encode()))
    assert reason(sign(key=OTHER, jwk=jwk)) == "the token is not good"


def test_nesting_is_not_followed() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2500).rstrip(b"=").decode()
    assert reason(f"{deep}.e30.AA") == "the token is not good"
    assert reason(sign(b'{"sub":"ann","exp":1,"x":' + b"[" * 2000 + b"]" * 400 + b"}")).endswith("wrong kind")
    nested = base64.urlsafe_b64encode(b'{"alg":"HS256","x":' + b"[" * 1500 + b"]" * 1500 + b"}").rstrip(b"=").decode()
    assert len(nested) <= TOKEN_CHARS + 100
    assert reason(f"{nested}.e30.AA") == "the token is not good"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "ann"},
        {"exp": NOW + 60},
        {**GOOD, "sub": 7},
        {**GOOD, "sub": None},
        {**GOOD, "exp": str(NOW + 60)},
        {**GOOD, "exp": True},
        {**GOOD, "exp": None},
        {**GOOD, "exp": 2**53},
        {**GOOD, "exp": -1},
        {**GOOD, "nbf": "soon"},
        {**GOOD, "nbf": False},
        {**GOOD, "aud": 7},
        {**GOOD, "channels": "news:*"},
        {**GOOD, "channels": {"news:*": True}},
        {**GOOD, "channels": [7]},
        {**GOOD, "channels": ["a"] * 101},
        ["ann"],
        b'{"sub":"ann","exp":1e999}',
        b'{"sub":"ann","exp":NaN}',
        b'{"sub":"ann","exp":Infinity}',
        b'{"sub":"\xff","exp":1}',
        b"not json",
        b"",
    ],
    ids=repr,
)
def test_claims_that_are_missing_or_of_the_wrong_kind_are_refused(claims: Any) -> None:
    said = "the token's claims are missing or of the wrong kind" if claims else "the token is not good"
    assert reason(sign(claims)) == said


@pytest.mark.parametrize("sub", ["", " ann", "a*", "a\nb", "x" * 256])
def test_the_subject_is_a_good_user_name(sub: str) -> None:
    assert reason(sign({**GOOD, "sub": sub})) == "the token's sub is no good user name"


@pytest.mark.parametrize("pattern", ["", "a*b", "**", " a*", "x" * 256])
def test_patterns_of_channels_are_good_ones(pattern: str) -> None:
    assert reason(sign({**GOOD, "channels": ["a", pattern]})) == "the token's channels are no good patterns"


def test_no_pattern_is_no_channel_and_no_list_is_all() -> None:
    assert not verify(sign({**GOOD, "channels": []})).covers("lobby")
    assert verify(sign()).covers("lobby")
    grant = verify(sign({**GOOD, "channels": ["news:*", "lobby"]}))
    assert [name for name in ("news:", "news:a", "news", "lobby", "lobby2") if grant.covers(name)] == [
        "news:", "news:a", "lobby",
    ]  # fmt: skip


def test_a_token_ends_at_its_exp_without_leeway() -> None:
    assert verify(sign(), now=NOW + 59.999).user == "ann"
    assert reason(sign(), now=NOW + 60) == "the token has expired"
    half = sign({**GOOD, "exp": NOW + 0.5})
    assert verify(half, now=NOW + 0.499).expires_ms == NOW * 1000 + 500
    assert reason(half, now=NOW + 0.5) == "the token has expired"


def test_a_token_begins_at_its_nbf_and_the_signer_s_clock_may_be_five_seconds_ahead() -> None:
    token = sign({**GOOD, "nbf": NOW + 10})
    assert reason(token) == "the token is not valid yet"
    assert reason(token, now=NOW + 4.9) == "the token is not valid yet"
    assert verify(token, now=NOW + 5).user == "ann"


@pytest.mark.parametrize(
    ("configured", "claimed", "good"),
    [
        ("", None, True),
        ("", "there", False),
        ("", "", False),
        ("", [], False),
        ("here", None, False),
        ("here", "here", True),
        ("here", ["there", "here"], True),
        ("here", "there", False),
        ("here", ["there"], False),
        ("here", "her", False),
        ("her", "here", False),
    ],
)
def test_a_token_for_others_is_refused(configured: str, claimed: Any, good: bool) -> None:
    token = sign(GOOD if claimed is None else {**GOOD, "aud": claimed})
    if good:
        assert verify(token, audience=configured).user == "ann"
    else:
        assert reason(token, audience=configured) == "the token is for another audience"


def test_a_forgery_is_refused_before_any_of_its_claims_is_looked_at() -> None:
    assert reason(sign({"sub": 7}, OTHER), now=NOW + 999) == "the token is not good"


@pytest.mark.parametrize(
    ("material", "complaint"),
    [
        (b"", "is not a public key in PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is not a public key in PEM"),
        (pem(rsa.generate_private_key(65537, 1024)), "an RSA key of 1024 bits; RS256 needs at least 2048"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "neither an RSA key"),
        (EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "holds a private key"),
    ],
    ids=["empty", "broken", "short RSA", "another curve", "private"],
)
def test_a_public_key_that_nobody_should_rely_on_is_refused(material: bytes, complaint: str) -> None:
    with pytest.raises(BadKey) as caught:
        public_key(material)
    assert complaint in str(caught.value)


def test_a_secret_that_is_too_short_is_refused_for_signing_and_for_checking() -> None:
    for use in (secret_key, lambda secret: mint(secret, "ann", NOW)):
        with pytest.raises(BadKey):
            use("x" * 31)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_whatever_is_shown_is_a_good_token_or_a_bad_one(text: str) -> None:
    assert reason(text) == "the token is not good"


@given(st.integers(0, len(sign()) - 1), st.sampled_from("AQgw_-.=!\n é"))
def test_a_token_in_which_one_character_is_another_grants_nothing_else(index: int, character: str) -> None:
    token = sign()
    changed = token[:index] + character + token[index + 1 :]
    try:
        assert verify(changed) == verify(token)  # only the last character of a signature has bits that mean nothing
        assert changed[:-1] == token[:-1]
    except BadToken as error:
        assert error.reason == "the token is not good"
