"""All settings, read from the environment with typed readers; `docs/operations.md` explains each variable.

Without any variable this is the embedded installation for one machine: SQLite, a Celery broker of files, artifacts in a
folder, no debug. The demo sets COMMONWEIGHTS_DEMO=1, which `manage.py check --deploy` refuses.
"""

import os
import re
import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.management.utils import get_random_secret_key

from config import env, mail_way
from training_jobs.exchange.tickets import SECRET_BYTES_MIN
from training_jobs.spec.shape import EXCHANGING

# libsecp256k1 and the C keccak are chosen before anything can import a slower one; governance/checks.py asserts them.
os.environ.setdefault("ECC_BACKEND_CLASS", "eth_keys.backends.CoinCurveECCBackend")
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.path("DATA", BASE_DIR / "var")
ARTIFACTS_DIR = env.path("ARTIFACTS", DATA_DIR / "artifacts")
RUNS_DIR = env.path("RUNS", DATA_DIR / "runs")
KEYS_DIR = env.path("KEYS", DATA_DIR / "keys")
for folder in (DATA_DIR, ARTIFACTS_DIR, RUNS_DIR):
    folder.mkdir(parents=True, exist_ok=True)
KEYS_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
# Who signs instead of key files (governance/external_signer.py): a command with its first arguments.
SIGNER_COMMAND = shlex.split(env.text("SIGNER_COMMAND", ""))
SIGNER_TIMEOUT_SECONDS = env.integer("SIGNER_TIMEOUT_SECONDS", 30, least=1)

# --- who we are ---------------------------------------------------------------------------------------------------
ORIGIN = env.address("ORIGIN", "http://127.0.0.1:8000", {"http", "https"}).rstrip("/")
_origin = urlsplit(ORIGIN)
if f"{_origin.scheme}://{_origin.netloc.lower()}" != ORIGIN or "@" in ORIGIN:
    raise env.BadEnvironment("ORIGIN", ORIGIN, "scheme://host[:port] in lower case, without a path or a user")
SECURE = _origin.scheme == "https"
DEMO = env.boolean("DEMO", default=False)
DEBUG = env.boolean("DEBUG", default=False)
ALLOWED_HOSTS = env.listed("HOSTS", _origin.hostname or "")
CSRF_TRUSTED_ORIGINS = [ORIGIN]
# Passkeys belong to a name, never to a number (WebAuthn, section 5.1.3), and to a site that nobody can listen to. This
# machine alone can be named, and is offered at its name; empty: no passkeys here.
PASSKEY_ORIGIN = ORIGIN if SECURE or _origin.hostname == "localhost" else ""
if _origin.hostname in {"127.0.0.1", "::1"}:
    PASSKEY_ORIGIN = f"{_origin.scheme}://localhost" + (f":{_origin.port}" if _origin.port else "")
    ALLOWED_HOSTS.append("localhost")
    CSRF_TRUSTED_ORIGINS.append(PASSKEY_ORIGIN)
elif re.fullmatch(r"[\d.]+|.*:.*", _origin.hostname or ""):
    PASSKEY_ORIGIN = ""


def _secret_key() -> str:
    """Return the configured key, or one made once and kept beside the other keys."""
    configured = env.text("SECRET_KEY", "")
    if configured:
        return configured
    file = KEYS_DIR / "django-secret-key"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(get_random_secret_key())
    return file.read_text()


SECRET_KEY = _secret_key()

# --- parts --------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "governance.apps.GovernanceConfig",
    "models_registry.apps.ModelsRegistryConfig",
    "training_jobs.apps.TrainingJobsConfig",
    "frontend.apps.FrontendConfig",
    "config.apps.ProjectConfig",
    "config.admin_site.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.compression.TextCompression",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "frontend.context.site",
            ],
        },
    },
]

# Plug-in tables: one line per extension.
PROPOSAL_KINDS = [
    "training_jobs.proposal_kinds.ModelUpdate",
    "models_registry.datasets.proposal_kinds.DatasetInclusion",
    "models_registry.rights.proposal_kinds.DatasetRemoval",
    "models_registry.rights.taking_back.TakingBack",
    "models_registry.constitution.proposal_kinds.EthicsRuleAdoption",
    "models_registry.constitution.proposal_kinds.RuleChange",
    "models_registry.constitution.proposal_kinds.RuleRepeal",
    "training_jobs.overrides.proposal_kinds.VerdictOverride",
    "models_registry.proposal_kinds.ReleaseWithdrawal",
    "models_registry.proposal_kinds.ReleasePause",
    "models_registry.proposal_kinds.ReleaseRollback",
    "models_registry.incidents.proposal_kinds.IncidentStewardsChange",
    "models_registry.release_keys_kind.ReleaseKeysChange",
    "training_jobs.sites.proposal_kinds.SiteAdmission",
    "training_jobs.sites.proposal_kinds.SiteRemoval",
    "training_jobs.sites.proposal_kinds.SiteStewardsChange",
    "training_jobs.ledger.proposal_kinds.BudgetOpening",
    "training_jobs.ledger.proposal_kinds.BudgetTransfer",
    "training_jobs.settlement.proposal_kinds.SettlementTermsChange",
    "training_jobs.settlement.proposal_kinds.SiteSettlement",
    "training_jobs.settlement.proposal_kinds.SettlementWithdrawal",
    "training_jobs.commons.proposal_kinds.ComputePolicyChange",
    "training_jobs.commons.raising_kind.RunCeiling",
    "governance.proposal_kinds.TextSignal",
    "governance.proposal_kinds.Poll",
    "governance.proposal_kinds.GovernanceRules",
    "governance.proposal_kinds.CouncilElection",
]

# What may wait for a member, and is shown at home (governance/selectors/needs.py).
NEEDS = [
    "governance.selectors.needs.votes",
    "governance.selectors.sealed.keyholding",
    "training_jobs.needs.reviews",
    "models_registry.needs.incidents",
    "governance.selectors.needs.guarded",
    "governance.selectors.needs.held_up",
    "governance.selectors.needs.drafts",
    "governance.selectors.needs.sponsoring",
    "models_registry.needs.calls",
]
# What can be found, in the order in which the kinds are listed (governance/search).
SEARCHABLE = [
    "governance.search.subjects.Communities",
    "governance.search.subjects.Decisions",
    "models_registry.searchable.Models",
    "models_registry.searchable.Releases",
    "models_registry.searchable.Datasets",
    "models_registry.searchable.Rules",
    "training_jobs.searchable.Runs",
    "models_registry.searchable.Incidents",
    "governance.search.talk.Consultations",
    "governance.search.talk.Statements",
    "governance.search.talk.Comments",
    "governance.search.subjects.Delegates",
    "governance.search.subjects.VotesFromElsewhere",
]
# What leaves with a community, in the order in which rows can come in (governance/portability).
PORTABLE = ["governance.portability.parts.PART", "models_registry.portability.PART", "training_jobs.portability.PART"]
# Who may hide what breaks the policy of discussions, and answers appeals (governance/deliberation/people.py).
MODERATORS = ["governance.deliberation.people.council", "models_registry.incidents.services.stewards_of"]
# Who keeps what is private to somebody: what they are given, and what is erased (governance/portability/person.py).
PERSONAL = [
    "governance.portability.personal.Follows",
    "governance.portability.personal.SignsIn",
    "governance.portability.personal.SaysOfThemselves",
    "governance.deliberation.personal.Discussions",
    "models_registry.personal.Contacts",
    "models_registry.personal.Uploads",
    "training_jobs.personal.Machines",
    "training_jobs.personal.Newcomers",
]

# --- storage ------------------------------------------------------------------------------------------------------


def _database(url: str) -> dict[str, object]:
    """Turn a sqlite: or postgresql: address into Django's form."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path),
            # Threads keep their connections: closing the last one would write the whole WAL back after each request.
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # Writers take the lock when the transaction begins, so that two of them wait instead of failing.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    if parts.scheme == "postgresql":
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"options": "-c statement_timeout=20000 -c lock_timeout=10000"},
        }
    # Not the address itself: it may hold a password.
    raise env.BadEnvironment(
        "DATABASE", f"{parts.scheme}:…", "sqlite:///path or postgresql://user:password@host:port/name"
    )


DATABASES = {"default": _database(env.text("DATABASE", f"sqlite://{DATA_DIR}/commonweights.sqlite3"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- queue: a message is a nudge, the database is the truth -------------------------------------------------------
BROKER = env.text("BROKER", "filesystem")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object]
if BROKER == "filesystem":
    CELERY_BROKER_URL = "filesystem://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(DATA_DIR / "broker"),
        "data_folder_out": str(DATA_DIR / "broker"),
        "control_folder": str(DATA_DIR / "broker-control"),
    }
    for folder in ("broker", "broker-control"):
        (DATA_DIR / folder).mkdir(exist_ok=True)
elif BROKER.startswith(("redis://", "rediss://")):
    CELERY_BROKER_URL = BROKER
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "visibility_timeout": 600,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    }
else:
    raise env.BadEnvironment("BROKER", f"{urlsplit(BROKER).scheme}:…", "filesystem or redis://host:port/number")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Two queues (config/celery.py), so that an upload of hours and a training of hours do not wait for each other.
CELERY_TASK_DEFAULT_QUEUE = "training"
CELERY_TASK_ROUTES = {
    "models_registry.*": {"queue": "deliveries"},
    "frontend.*": {"queue": "deliveries"},
    "training_jobs.replay_job": {"queue": "deliveries"},  # minutes, and voters wait: not behind a run of days
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]

# --- the chain ----------------------------------------------------------------------------------------------------
# One node, or several that must agree, separated by commas (governance/chain/factory.py).
CHAIN_RPC = ",".join(env.addresses("CHAIN_RPC", "http://127.0.0.1:8545", {"http", "https"}))
CHAIN_TIMEOUT_SECONDS = env.integer("CHAIN_TIMEOUT_SECONDS", 3, least=1)
# Of a community that governs by contract: how many blocks to stay behind what the nodes call final.
CHAIN_CONFIRMATIONS = env.integer("CHAIN_CONFIRMATIONS", 0, least=0)
# Who pays to send members' signed delegations: an unlocked account of the first node. Empty: members send them.
CHAIN_RELAYER = env.account("CHAIN_RELAYER")
# Where digests of votes and releases are written down (docs/how-to/anchor-on-a-chain.md). Empty: nowhere.
ANCHOR_CONTRACT = env.account("ANCHOR_CONTRACT")
ANCHOR_RPC = ",".join(env.addresses("ANCHOR_RPC", CHAIN_RPC, {"http", "https"}))
ANCHOR_POSTER = env.account("ANCHOR_POSTER")
ANCHOR_SIGNER_COMMAND = shlex.split(env.text("ANCHOR_SIGNER_COMMAND", ""))
ANCHOR_KEY_FILE = env.path("ANCHOR_KEY_FILE", KEYS_DIR / "anchor-poster")
ANCHOR_FEE_GWEI_MAX = env.integer("ANCHOR_FEE_GWEI_MAX", 100, least=1)
if ANCHOR_CONTRACT and not ANCHOR_POSTER:
    raise env.BadEnvironment("ANCHOR_POSTER", "", "the account that may post, beside ANCHOR_CONTRACT")
if ANCHOR_CONTRACT and not ANCHOR_SIGNER_COMMAND:
    env.require_secret("ANCHOR_KEY_FILE", ANCHOR_KEY_FILE, least=64)

# --- names, and wallets on another device (docs/how-to/pair-a-wallet-and-show-names.md) -----------------------------
# Empty: nobody is asked for names. The registry is that of the Ethereum Name Service.
NAMES_RPC = env.address("NAMES_RPC", "", {"http", "https"}) if env.text("NAMES_RPC", "") else ""
NAMES_REGISTRY = env.account("NAMES_REGISTRY") or "0x00000000000C2E074eC69A0dFb2997BA6C7d2e1e"
NAMES_SECONDS = env.integer("NAMES_SECONDS", 24 * 3600, least=60)
NAMES_AVATARS = env.boolean("NAMES_AVATARS", default=False)
NAMES_IPFS_GATEWAY = env.address("NAMES_IPFS_GATEWAY", "", {"https"}) if env.text("NAMES_IPFS_GATEWAY", "") else ""
# Empty: wallets are found in the browser alone, and pages may connect to nobody but us.
PAIRING_PROJECT = env.text("PAIRING_PROJECT", "")
PAIRING_RELAY = env.address("PAIRING_RELAY", "wss://relay.walletconnect.com", {"ws", "wss"}).rstrip("/")

# --- runs ---------------------------------------------------------------------------------------------------------
LEASE_SECONDS = env.integer("LEASE_SECONDS", 60, least=2)
HEARTBEAT_SECONDS = env.integer("HEARTBEAT_SECONDS", 15, least=1)
if HEARTBEAT_SECONDS * 2 > LEASE_SECONDS:
    raise env.BadEnvironment("HEARTBEAT_SECONDS", str(HEARTBEAT_SECONDS), f"at most half a lease of {LEASE_SECONDS} s")
SWEEP_SECONDS = env.integer("SWEEP_SECONDS", 10, least=1)
RUN_ATTEMPTS_MAX = env.integer("RUN_ATTEMPTS_MAX", 3, least=1)
# What a trainer may take of this machine. Memory 0: only what the control group of the worker allows.
RUN_MEMORY_BYTES = env.integer("RUN_MEMORY_BYTES", 0, least=0)
RUN_SCRATCH_BYTES = env.integer("RUN_SCRATCH_BYTES", 200_000_000_000, least=1_000_000)
# For estimates of energy and carbon: watts of one device, grams of CO2e of the grid for each kWh. 0: not known.
DEVICE_WATTS = env.integer("DEVICE_WATTS", 0)
GRID_GRAMS_PER_KWH = env.integer("GRID_GRAMS_PER_KWH", 0)
# Carbon intensity of grids by the hour (docs/how-to/count-carbon.md).
CARBON_SOURCE = env.text("CARBON_SOURCE", "none")
CARBON_FILE = env.path("CARBON_FILE", DATA_DIR / "carbon.csv") if env.text("CARBON_FILE", "") else None
CARBON_ENDPOINT = env.address("CARBON_ENDPOINT", "", {"http", "https"}) if env.text("CARBON_ENDPOINT", "") else ""
CARBON_TOKEN = env.text("CARBON_TOKEN", "")
RUN_NO_PROGRESS_SECONDS = env.integer("RUN_NO_PROGRESS_SECONDS", 1800, least=1)
# Where the machines of one run meet (docs/how-to/train-over-slow-links.md), and the secret that lets them in there.
RELAY_URL = env.address("RELAY_URL", "", {"http", "https"}) if env.text("RELAY_URL", "") else ""
RELAY_SECRET_FILE = env.path("RELAY_SECRET_FILE", KEYS_DIR / "relay-secret")
if RELAY_URL:
    env.require_secret("RELAY_SECRET_FILE", RELAY_SECRET_FILE, least=SECRET_BYTES_MIN)
# What may be proposed: what the machines of this site can do.
RUN_METHODS = env.listed("RUN_METHODS", "full,lora,qlora")
RUN_STRATEGIES = env.listed("RUN_STRATEGIES", "single")
if not RELAY_URL and set(EXCHANGING) & set(RUN_STRATEGIES):
    allowed = f"{env.PREFIX}RELAY_URL beside it, or without {' and '.join(EXCHANGING)}"
    raise env.BadEnvironment("RUN_STRATEGIES", ",".join(RUN_STRATEGIES), allowed)
# Off: this site's workers only publish, and members' machines do the runs.
RUN_HERE = env.boolean("RUN_HERE", default=True)
# Sharing computing (docs/how-to/offer-a-site.md): the site at which this platform's own workers stand, if they share;
# how long what was allotted waits for a machine; what a member may use in a week without a vote.
HOME_SITE = env.text("HOME_SITE", "")
ALLOTMENT_PATIENCE_SECONDS = env.integer("ALLOTMENT_PATIENCE_SECONDS", 600, least=LEASE_SECONDS)
SANDBOX_SECONDS_PER_WEEK = env.integer("SANDBOX_SECONDS_PER_WEEK", 14_400, least=0)
# What one attempt of a remote runner may send: the model, and the checkpoints that are kept for whoever takes over.
RUN_UPLOAD_BYTES_MAX = env.integer("RUN_UPLOAD_BYTES_MAX", 20_000_000_000, least=1)
# Previews before a vote: on where this site trains at all. What one may take, and how many a member may ask for.
PREVIEWS = env.boolean("PREVIEWS", default=RUN_HERE)
PREVIEW_STEPS = env.integer("PREVIEW_STEPS", 200, least=1)
PREVIEW_SECONDS = env.integer("PREVIEW_SECONDS", 600, least=1)
PREVIEW_SAMPLES = env.integer("PREVIEW_SAMPLES", 24, least=1)
PREVIEWS_PER_DAY = env.integer("PREVIEWS_PER_DAY", 3, least=1)
# Trials of datasets before a vote: two trainings and two measurements each. Machines that members lend may make them.
TRIAL_STEPS = env.integer("TRIAL_STEPS", 800, least=1)
TRIAL_SECONDS = env.integer("TRIAL_SECONDS", 1800, least=1)
TRIAL_SAMPLES = env.integer("TRIAL_SAMPLES", 48, least=1)
TRIALS_BY_MEMBERS = env.boolean("TRIALS_BY_MEMBERS", default=True)
# Looking at releases again (docs/how-to/answer-for-harm.md): after how many days, 0 for never by themselves; for single
# communities; how long a measurement may take; how often people may ask a day; how often an incident's question is put;
# and how many days before a rule ends the members are called to vote on it.
WATCH_DAYS = env.integer("WATCH_DAYS", 30)
WATCH_DAYS_OF = env.numbers("WATCH_DAYS_OF")
INQUIRY_SECONDS = env.integer("INQUIRY_SECONDS", 3600, least=1)
INQUIRIES_PER_DAY = env.integer("INQUIRIES_PER_DAY", 3, least=1)
INQUIRY_ANSWERS = env.integer("INQUIRY_ANSWERS", 5, least=1)
SUNSET_NOTICE_DAYS = env.integer("SUNSET_NOTICE_DAYS", 30)
# Spot checks of sites (docs/how-to/offer-a-site.md): of how many attempts, in basis points; how long one may take; and
# for how many days a machine is waited for that may make it.
SPOT_CHECK_BPS = env.integer("SPOT_CHECK_BPS", 1_000)
SPOT_CHECK_SECONDS = env.integer("SPOT_CHECK_SECONDS", 3600, least=1)
SPOT_CHECK_DAYS = env.integer("SPOT_CHECK_DAYS", 14, least=1)
# Where a process answers visitors who try a released model (docs/how-to/try-and-serve.md). Empty: nobody answers here.
SERVING_SOCKET = env.text("SERVING_SOCKET", "")
# Where releases go: our own hub always, the others after it (docs/how-to/publish.md).
PUBLICATION_TARGETS = env.listed("PUBLICATION_TARGETS", "hub")
PUBLICATION_FOLDER = env.path("PUBLICATION_FOLDER", DATA_DIR / "published")
PUBLICATION_S3_BUCKET = env.text("PUBLICATION_S3_BUCKET", "")
PUBLICATION_S3_PREFIX = env.text("PUBLICATION_S3_PREFIX", "")
PUBLICATION_S3_REGION = env.text("PUBLICATION_S3_REGION", "")
# Empty: the public service of the region.
PUBLICATION_S3_ENDPOINT = (
    env.address("PUBLICATION_S3_ENDPOINT", "", {"http", "https"}) if env.text("PUBLICATION_S3_ENDPOINT", "") else ""
)
HUGGING_FACE_ENDPOINT = env.address("HUGGING_FACE_ENDPOINT", "https://huggingface.co", {"http", "https"})
HUGGING_FACE_TOKEN = env.text("HUGGING_FACE_TOKEN", "")
# A discussion there for each proposal of a model update, beside the releases.
HUGGING_FACE_DISCUSSIONS = env.boolean("HUGGING_FACE_DISCUSSIONS", default=False)

# --- objects that releases are made of: in a folder below ARTIFACTS, or in an S3-compatible bucket --------------------
OBJECTS_BUCKET = env.text("OBJECTS_BUCKET", "")
OBJECTS_ENDPOINT = env.address("OBJECTS_ENDPOINT", "", {"http", "https"}) if env.text("OBJECTS_ENDPOINT", "") else ""
OBJECTS_REGION = env.text("OBJECTS_REGION", "")
# Releases of other hubs that `python -m models_registry.mirror` has verified; the hub serves them too.
MIRROR_DIR = env.path("MIRROR", DATA_DIR) if env.text("MIRROR", "") else None
# What nothing reaches is left alone for so long; a publication under way may want it.
OBJECTS_GRACE_SECONDS = env.integer("OBJECTS_GRACE_SECONDS", 24 * 3600, least=3600)

# --- limits -------------------------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
API_BODY_BYTES_MAX = 64_000
# Datasets: what is read within a request and what a worker reads, and what the child that reads may take
# (docs/how-to/add-a-dataset.md).
DATASET_BYTES_MAX = env.integer("DATASET_BYTES_MAX", 1_000_000_000, least=1)
DATASET_REQUEST_BYTES_MAX = env.integer("DATASET_REQUEST_BYTES_MAX", 5_000_000, least=1)
DATASET_DECODED_BYTES_MAX = env.integer("DATASET_DECODED_BYTES_MAX", 2_000_000_000, least=1)
DATASET_RECORDS_MAX = env.integer("DATASET_RECORDS_MAX", 2_000_000, least=1)
DATASET_REQUEST_SECONDS = env.integer("DATASET_REQUEST_SECONDS", 60, least=1)
DATASET_SECONDS = env.integer("DATASET_SECONDS", 1800, least=1)
DATASET_MEMORY_BYTES = env.integer("DATASET_MEMORY_BYTES", 384_000_000, least=1)
DATASET_SCAN_MEMORY_BYTES = env.integer("DATASET_SCAN_MEMORY_BYTES", 440_000_000, least=1)
DATASET_UPLOAD_BYTES_PER_MEMBER = env.integer("DATASET_UPLOAD_BYTES_PER_MEMBER", 2_000_000_000, least=1)
DATASET_UPLOAD_SECONDS = env.integer("DATASET_UPLOAD_SECONDS", 24 * 3600, least=1)
DATASET_FETCH_SECONDS = env.integer("DATASET_FETCH_SECONDS", 1800, least=1)
# Hosts (name:port) that datasets may be fetched from although their addresses are not public, or without TLS.
DATASET_FETCH_HOSTS = env.listed("DATASET_FETCH_HOSTS", "")
# How long after the answer to a request or an incident, or the removal of a dataset, it is kept how to reach somebody.
CONTACT_DAYS = env.integer("CONTACT_DAYS", 90, least=0)
# Telling people (docs/operations.md): when digests go out, UTC; how long a line of an inbox is kept that was read.
DIGEST_HOUR = env.integer("DIGEST_HOUR", 6, least=0)
if DIGEST_HOUR > 23:  # noqa: PLR2004 - hours of a day
    raise env.BadEnvironment("DIGEST_HOUR", str(DIGEST_HOUR), "0 to 23")
NOTIFICATION_DAYS = env.integer("NOTIFICATION_DAYS", 90, least=1)
# Streams of changes to open pages: how many at once in each process, each of which takes a thread of the web server,
# and how long each at most. Whoever finds no place asks every few seconds instead.
LIVE_STREAMS = env.integer("LIVE_STREAMS", 8)
LIVE_STREAM_SECONDS = env.integer("LIVE_STREAM_SECONDS", 60, least=1)
# The web server makes this file when it stops (config/web.py), so that streams end and nobody waits for them.
CLOSING_FILE = env.text("CLOSING_FILE", "")
OPEN_PROPOSALS_PER_AUTHOR = env.integer("OPEN_PROPOSALS_PER_AUTHOR", 3, least=1)
VOTING_PERIOD_SECONDS_MIN = env.integer("VOTING_PERIOD_SECONDS_MIN", 72 * 3600, least=1)
SIGN_IN_NONCE_SECONDS = 600

# --- accounts and sessions ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "governance.Account"
LOGIN_URL = "/sign-in/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_AGE = 7 * 24 * 3600
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = SECURE and env.boolean("SSL_REDIRECT", default=True)
PROXIED = env.boolean("PROXIED", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXIED else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
CSRF_FAILURE_VIEW = "frontend.views.errors.csrf_failed"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        # Not what comes from here, but what a page itself names: the hub serves files of strangers from this origin.
        "script-src": [NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF, PAIRING_RELAY] if PAIRING_PROJECT else [SELF],
        # The verifier in the browser hashes beside the page.
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    },
}

# --- letters by e-mail (docs/how-to/follow-without-a-wallet.md) ----------------------------------------------------
_mail = mail_way.read()
MAIL_OFFERED = _mail.offered
DEFAULT_FROM_EMAIL = SERVER_EMAIL = MAIL_FROM = mail_way.sender(_mail)
EMAIL_BACKEND = _mail.backend
EMAIL_FILE_PATH = _mail.folder
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.starttls, _mail.implicit_tls
EMAIL_TIMEOUT = env.integer("MAIL_TIMEOUT_SECONDS", 10, least=1)
# How long a link to sign in by is good, and how many an hour one address or one network is sent.
SIGN_IN_LINK_SECONDS = env.integer("SIGN_IN_LINK_SECONDS", 30 * 60, least=60)
SIGN_IN_LINKS_PER_EMAIL = env.integer("SIGN_IN_LINKS_PER_EMAIL", 3, least=1)
SIGN_IN_LINKS_PER_NETWORK = env.integer("SIGN_IN_LINKS_PER_NETWORK", 20, least=1)
PASSKEY_CHALLENGES_PER_NETWORK = env.integer("PASSKEY_CHALLENGES_PER_NETWORK", 120, least=1)

# --- languages ----------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "frontend" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- static files -------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
_COLLECTED = env.boolean("COLLECTED_STATIC", default=not (DEBUG or DEMO))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if _COLLECTED
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        ),
    },
}
WHITENOISE_USE_FINDERS = not _COLLECTED

# --- API ----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_PARSER_CLASSES": ["config.api_parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "config.api_parsing.Pages",
    "EXCEPTION_HANDLER": "config.api_errors.problem_response",
    "PAGE_SIZE": 50,
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Commonweights",
    "DESCRIPTION": "Communities vote, the vote trains the model, and anyone can check it.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api_schema.document_problems",
    ],
    # One set of choices that fields of two names have.
    "ENUM_NAME_OVERRIDES": {
        "IncidentSeverityEnum": ["critical", "high", "medium", "low"],
        "RemovalRequestStateEnum": ["received", "overdue", "proposed", "removed", "declined"],
        "PreviewStateEnum": ["done", "failed", "running", "stalled", "queued"],
        "RemovalDutyStateEnum": ["settled", "none", "overdue", "due"],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
}
