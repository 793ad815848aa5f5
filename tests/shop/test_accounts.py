"""Registering, logging in, tokens, one's own data and addresses."""

import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from contracts.accounts import AddressNotFound, accounts
from shop.accounts import tokens
from shop.accounts.models import LoginAttempts, SigningKey, User
from shop.accounts.seed import seed
from strangler.chassis.auth import reset_jwks_cache
from tests.shop.conftest import PASSWORD, as_user

ADDRESS = {"name": "Ada", "street": "Lindenweg 1", "city": "Hamburg", "postcode": "20095", "country": "de"}
LOGIN = {"email": "ada@shop.example", "password": PASSWORD}


def codes(response: Any) -> list[tuple[str, str | None]]:
    return [(error["code"], error["attr"]) for error in response.json()["errors"]]


@pytest.mark.django_db
class TestRegister:
    BODY = {"email": "New@Shop.example", "password": PASSWORD, "name": "New"}

    def test_creates_a_customer_who_can_log_in(self, client: APIClient) -> None:
        created = client.post("/api/auth/register", self.BODY)
        assert created.status_code == 201
        assert created.json() == {"id": created.json()["id"], "email": "new@shop.example", "name": "New"}
        assert client.post("/api/auth/token", {**self.BODY, "email": "NEW@shop.example"}).status_code == 200

    def test_an_address_is_taken_once_whatever_its_case(self, client: APIClient, user: User) -> None:
        taken = client.post("/api/auth/register", {**self.BODY, "email": "ADA@shop.example"})
        assert (taken.status_code, codes(taken)) == (400, [("unique", "email")])

    @pytest.mark.parametrize(
        ("change", "attr"),
        [
            ({"email": "x"}, "email"),
            ({"email": "a@" + "é" * 58 + ".example"}, "email"),
            ({"email": "a\x00@shop.example"}, "email"),
            ({"password": "short"}, "password"),
            ({"name": "x" * 151}, "name"),
            ({"name": ""}, "name"),
            ({"name": {"a": 1}}, "name"),
            ({"name": None}, "name"),
        ],
    )
    def test_bad_input_names_its_field(self, client: APIClient, change: dict[str, Any], attr: str) -> None:
        answer = client.post("/api/auth/register", {**self.BODY, **change})
        assert answer.status_code == 400
        assert answer.json()["type"] == "validation_error"
        assert {attr} == {where for _, where in codes(answer)}

    @pytest.mark.parametrize(
        ("password", "wrong"),
        [
            ("password1", {"password_too_common"}),
            ("8427719365", {"password_entirely_numeric"}),
            (12345678, {"password_too_common", "password_entirely_numeric"}),
        ],
    )
    def test_a_password_that_is_easily_guessed_is_refused(
        self, client: APIClient, password: Any, wrong: set[str]
    ) -> None:
        answer = client.post("/api/auth/register", {**self.BODY, "password": password})
        assert answer.status_code == 400
        assert set(codes(answer)) == {(code, "password") for code in wrong}
        assert not User.objects.exists()

    def test_too_many_wait_and_logins_do_not(
        self, client: APIClient, user: User, set_rates: Callable[..., None]
    ) -> None:
        set_rates(register_client_rate="3/min")
        bodies = [{**self.BODY, "email": f"new-{n}@shop.example"} for n in range(4)]
        answers = [client.post("/api/auth/register", body) for body in bodies]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
        assert codes(answers[-1]) == [("throttled", None)]
        assert 1 <= int(answers[-1]["Retry-After"]) <= 60
        assert client.post("/api/auth/token", LOGIN).status_code == 200

    def test_unknown_fields_change_nothing(self, client: APIClient) -> None:
        client.post("/api/auth/register", {**self.BODY, "is_staff": True, "id": 99, "is_superuser": True})
        created = User.objects.get()
        assert (created.is_staff, created.is_superuser) == (False, False)


@pytest.mark.django_db
class TestLogin:
    def test_gives_tokens_that_open_doors(self, client: APIClient, user: User) -> None:
        pair = client.post("/api/auth/token", LOGIN).json()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
        assert client.get("/api/me").json()["email"] == user.email
        claims = jwt.decode(pair["access"], options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == 600
        assert {"sub", "email", "name", "staff", "type", "iat", "exp", "iss", "aud"} == set(claims)

    @pytest.mark.parametrize("email", ["ada@shop.example", "nobody@shop.example"])
    def test_wrong_password_and_unknown_address_look_alike(
        self, client: APIClient, user: User, email: str
    ) -> None:
        answer = client.post("/api/auth/token", {"email": email, "password": "wrong"})
        assert (answer.status_code, codes(answer)) == (401, [("authentication_failed", None)])
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_an_unknown_address_takes_as_long(self, client: APIClient, user: User) -> None:
        taken: dict[str, list[float]] = {user.email: [], "nobody@shop.example": []}
        for _ in range(6):  # in turns, so that both meet the same machine
            for email, times in taken.items():
                start = time.perf_counter()
                client.post("/api/auth/token", {"email": email, "password": "wrong"})
                times.append(time.perf_counter() - start)

        known, unknown = (min(times) for times in taken.values())
        assert unknown > 0.5 * known

    def test_deactivated_users_stay_out(self, client: APIClient, user: User) -> None:
        refresh = client.post("/api/auth/token", LOGIN).json()["refresh"]
        User.objects.update(is_active=False)
        assert client.post("/api/auth/token", LOGIN).status_code == 401
        assert client.post("/api/auth/token/refresh", {"refresh": refresh}).status_code == 401

    def test_too_many_attempts_wait(self, client: APIClient, user: User, login_rate: Any) -> None:
        login_rate("3/min")
        answers = [client.post("/api/auth/token", {**LOGIN, "password": "wrong"}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        assert codes(answers[-1]) == [("throttled", None)]
        assert 1 <= int(answers[-1]["Retry-After"]) <= 60
        assert client.post("/api/auth/token", LOGIN).status_code == 429
        assert client.post("/api/auth/token", {**LOGIN, "email": "other@shop.example"}).status_code == 401
        login_rate("100/min")
        assert client.post("/api/auth/token", LOGIN).status_code == 200

    def test_a_forwarded_address_that_no_proxy_wrote_is_not_believed(
        self, client: APIClient, user: User, login_rate: Any
    ) -> None:
        login_rate("2/min")
        answers = [
            client.post("/api/auth/token", LOGIN, headers={"x-forwarded-for": f"10.0.0.{n}"})
            for n in range(3)
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 429]

    @pytest.mark.parametrize(
        ("addresses", "statuses"),
        [
            (["2001:db8::1", "2001:db8::ffff:2", "2001:DB8:0:0:1:2:3:4%eth0"], [200, 200, 429]),
            (["2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1"], [200, 200, 200]),
            (["::ffff:10.0.0.1", "::ffff:10.0.0.2", "10.0.0.2", "::ffff:10.0.0.2"], [200, 200, 200, 429]),
            (["unknown", "unknown", "unknown", ""], [200, 200, 429, 200]),
        ],
        ids=["one network", "other networks", "IPv4 in IPv6", "no address"],
    )
    def test_who_has_an_ipv6_network_is_one_client(
        self, client: APIClient, user: User, login_rate: Any, addresses: list[str], statuses: list[int]
    ) -> None:
        login_rate("100/min", per_client="2/min")
        answers = [client.post("/api/auth/token", LOGIN, REMOTE_ADDR=address) for address in addresses]
        assert [answer.status_code for answer in answers] == statuses

    def test_trying_one_password_on_every_address_waits_too(
        self, client: APIClient, user: User, login_rate: Any
    ) -> None:
        login_rate("100/min", per_client="3/min")
        answers = [
            client.post("/api/auth/token", {"email": f"a{n}@shop.example", "password": PASSWORD})
            for n in range(4)
        ]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        assert 1 <= int(answers[-1]["Retry-After"]) <= 60

    def test_attempts_of_long_ago_are_forgotten(self, client: APIClient, user: User) -> None:
        old = LoginAttempts.objects.create(
            subject="old", window_start=timezone.now() - timedelta(days=3), attempts=9
        )
        client.post("/api/auth/token", LOGIN)
        assert not LoginAttempts.objects.filter(pk=old.pk).exists()
        assert LoginAttempts.objects.count() == 2

    def test_a_new_password_ends_refreshing(self, client: APIClient, user: User) -> None:
        refresh = client.post("/api/auth/token", LOGIN).json()["refresh"]
        assert client.post("/api/auth/token/refresh", {"refresh": refresh}).status_code == 200
        user.set_password(PASSWORD)
        user.save()
        answer = client.post("/api/auth/token/refresh", {"refresh": refresh})
        assert (answer.status_code, codes(answer)) == (401, [("authentication_failed", None)])

    def test_refresh(self, client: APIClient, user: User) -> None:
        pair = client.post("/api/auth/token", LOGIN).json()
        User.objects.update(name="Ada Lovelace")
        answer = client.post("/api/auth/token/refresh", {"refresh": pair["refresh"]})
        assert set(answer.json()) == {"access"}
        assert (
            jwt.decode(answer.json()["access"], options={"verify_signature": False})["name"] == "Ada Lovelace"
        )
        wrong_kind = client.post("/api/auth/token/refresh", {"refresh": pair["access"]})
        assert (wrong_kind.status_code, codes(wrong_kind)) == (401, [("authentication_failed", None)])


@pytest.mark.django_db
class TestMe:
    def test_reads_and_renames(self, customer: APIClient, user: User) -> None:
        me = {"id": user.id, "email": user.email, "name": "Ada", "is_staff": False}
        assert customer.get("/api/me").json() == me
        assert customer.patch("/api/me", {"name": "A. L.", "email": "x@y.z"}).json() == {
            **me,
            "name": "A. L.",
        }
        assert customer.patch("/api/me", {}).json()["name"] == "A. L."
        assert customer.patch("/api/me", {"name": ""}).status_code == 400

    def test_needs_a_token(self, client: APIClient) -> None:
        answer = client.get("/api/me")
        assert (answer.status_code, codes(answer)) == (401, [("not_authenticated", None)])
        assert answer.json()["type"] == "client_error"

    def test_addresses(self, customer: APIClient, make_user: Callable[..., User]) -> None:
        created = customer.post("/api/me/addresses", ADDRESS)
        assert created.status_code == 201
        assert created.json() == {**ADDRESS, "country": "DE", "id": created.json()["id"]}
        other = as_user(make_user("eve@shop.example"))
        assert other.get("/api/me/addresses").json()["results"] == []
        assert other.delete(f"/api/me/addresses/{created.json()['id']}").status_code == 404
        assert customer.get("/api/me/addresses").json()["count"] == 1
        assert customer.delete(f"/api/me/addresses/{created.json()['id']}").status_code == 204
        assert customer.delete(f"/api/me/addresses/{created.json()['id']}").status_code == 404

    def test_a_token_that_outlived_its_user(self, customer: APIClient, user: User) -> None:
        user.delete()
        assert customer.get("/api/me").status_code == 401
        assert customer.post("/api/me/addresses", ADDRESS).status_code == 401


@pytest.mark.django_db
class TestForgery:
    def claims(self, user: User, **change: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "sub": str(user.id),
            "email": user.email,
            "name": user.name,
            "staff": True,
            "type": "access",
            "iat": now,
            "exp": now + 60,
            "iss": settings.JWT_ISSUER,
            "aud": settings.JWT_AUDIENCE,
            **change,
        }

    def refused(self, token: str) -> None:
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        answer = client.get("/api/me")
        assert (answer.status_code, codes(answer)) == (401, [("authentication_failed", None)])

    def test_alg_none(self, user: User) -> None:
        tokens.make_first()
        kid = tokens.published()["keys"][0]["kid"]
        self.refused(jwt.encode(self.claims(user), "", algorithm="none", headers={"kid": kid}))

    def test_public_key_as_shared_secret(self, user: User) -> None:
        tokens.make_first()
        key = tokens.published()["keys"][0]
        self.refused(jwt.encode(self.claims(user), key["n"], algorithm="HS256", headers={"kid": key["kid"]}))

    def test_another_key_under_a_known_kid(self, user: User) -> None:
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        tokens.make_first()
        kid = tokens.published()["keys"][0]["kid"]
        self.refused(jwt.encode(self.claims(user), other, algorithm="RS256", headers={"kid": kid}))
        self.refused(jwt.encode(self.claims(user), other, algorithm="RS256", headers={"kid": "unknown"}))
        self.refused(jwt.encode(self.claims(user), other, algorithm="RS256"))

    @pytest.mark.parametrize(
        "change",
        [
            {"exp": 1},
            {"iss": "someone"},
            {"aud": "elsewhere"},
            {"type": "refresh"},
            {"sub": "not-a-number"},
            {"sub": None},
            {"iat": 9_999_999_999},
        ],
    )
    def test_our_signature_under_wrong_claims(self, user: User, change: dict[str, Any]) -> None:
        tokens.issue(user=user, kind="access")
        key = SigningKey.objects.get()
        private = tokens._private(key.private_key)
        self.refused(jwt.encode(self.claims(user, **change), private, "RS256", headers={"kid": key.kid}))

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "a" * 5000, "\x01"])
    def test_rubbish(self, user: User, token: str) -> None:
        self.refused(token)


@pytest.mark.django_db
class TestKeys:
    def test_the_first_one_is_there_before_the_first_login(self, db: None) -> None:
        seed()

        assert SigningKey.objects.count() == 1

    def test_asking_for_them_makes_none(self, client: APIClient, db: None) -> None:
        assert client.get("/.well-known/jwks.json").json() == accounts.jwks() == {"keys": []}
        assert not SigningKey.objects.exists()

    def test_private_keys_are_encrypted_at_rest(self, user: User) -> None:
        tokens.issue(user=user, kind="access")
        with connection.cursor() as cursor:
            cursor.execute("SELECT row_to_json(k)::text FROM accounts_signingkey k")
            assert "PRIVATE KEY" not in cursor.fetchone()[0]

    def test_rotation_logs_nobody_out(self, client: APIClient, customer: APIClient, user: User) -> None:
        refresh = tokens.issue(user=user, kind="refresh")
        assert customer.get("/api/me").status_code == 200
        tokens.rotate(lead=timedelta(minutes=5))
        published = [key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]]
        assert len(published) == 2
        ahead = tokens.issue(user=user, kind="access")
        assert jwt.get_unverified_header(ahead)["kid"] == published[0], "published ahead, not used yet"
        tokens.rotate(lead=timedelta(0))
        # The verifier's keys are as old as before the rotations; an unknown kid makes it fetch them.
        after = as_user(user)
        assert after.get("/api/me").status_code == 200
        assert customer.get("/api/me").status_code == 200
        assert client.post("/api/auth/token/refresh", {"refresh": refresh}).status_code == 200

    def test_a_leaked_key_is_revoked_with_all_that_it_signed(
        self, client: APIClient, customer: APIClient, user: User
    ) -> None:
        refresh = {"refresh": tokens.issue(user=user, kind="refresh")}
        tokens.rotate(lead=timedelta(minutes=5))
        assert customer.get("/api/me").status_code == 200

        told = StringIO()
        call_command("rotate_keys", "--revoke", stdout=told)

        [key] = client.get("/.well-known/jwks.json").json()["keys"]
        assert f"Key {key['kid']} signs from now on" in told.getvalue()
        # The first token of the new key makes the verifier fetch the keys.
        assert as_user(user).get("/api/me").status_code == 200
        assert customer.get("/api/me").status_code == 401
        assert client.post("/api/auth/token/refresh", refresh).status_code == 401
        assert client.post("/api/auth/token", LOGIN).status_code == 200

    def test_a_key_overtaken_before_its_time_never_signs(self, user: User) -> None:
        tokens.rotate(lead=timedelta(seconds=-1))
        early = tokens.rotate(lead=timedelta(minutes=5))
        last = tokens.rotate(lead=timedelta(0))
        SigningKey.objects.filter(pk=early.pk).update(signs_from=timezone.now())
        assert jwt.get_unverified_header(tokens.issue(user=user, kind="access"))["kid"] == last.kid

    def test_old_keys_go_when_their_last_token_has_run_out(self, user: User) -> None:
        old = tokens.issue(user=user, kind="access")
        tokens.rotate(lead=timedelta(0))
        SigningKey.objects.exclude(verifies_until=None).update(verifies_until=timezone.now())
        reset_jwks_cache()
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {old}")
        assert client.get("/api/me").status_code == 401
        tokens.rotate(lead=timedelta(0))
        assert SigningKey.objects.count() == 2

    def test_another_config_key_is_told(self, user: User, settings: Any) -> None:
        tokens.issue(user=user, kind="access")
        tokens._private.cache_clear()
        settings.CONFIG_KEY = "YW5vdGhlci1rZXktYW5vdGhlci1rZXktYW5vdGhlci0="
        with pytest.raises(Exception, match="another CONFIG_KEY"):
            tokens.issue(user=user, kind="access")


@pytest.mark.django_db
class TestPort:
    def test_users(self, user: User) -> None:
        assert accounts.users(ids=[user.id, 0])[user.id].email == user.email
        assert set(accounts.users(ids=[user.id, 0])) == {user.id}

    def test_addresses_are_their_owners(self, user: User, make_user: Callable[..., User]) -> None:
        address = user.addresses.create(**ADDRESS)
        assert accounts.address(user=user.id, address=address.id).city == "Hamburg"
        with pytest.raises(AddressNotFound):
            accounts.address(user=make_user("eve@shop.example").id, address=address.id)
