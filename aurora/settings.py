"""The typed environment. Read by `aurora/bootstrap.py`, `app/preflight.py` and `app/cli_doctor.py`
only; `.env.example` is made from it."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _comma_separated(value: Any) -> Any:
    """Read a list from the environment; whoever makes `Settings` in code gives one."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(BaseSettings):
    """Everything the environment may say. An empty value is the same as an absent one."""

    model_config = SettingsConfigDict(
        env_prefix="AURORA_", env_file=".env", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    home: Annotated[Path, Field(description="All local state: database, memory index, sandbox, logs.")] = Path(
        "~/.aurora"
    )
    database_url: Annotated[
        str, Field(description="SQLAlchemy URL of the ledger; empty means SQLite inside AURORA_HOME.")
    ] = ""
    chroma_url: Annotated[
        str, Field(description="http://host:port of a Chroma server; empty means embedded in AURORA_HOME.")
    ] = ""
    redis_url: Annotated[str, Field(description="Redis of the cache layer; not used by the sandbox backends.")] = ""
    llm_model: Annotated[
        str, Field(description="Language model such as openai:gpt-4.1; empty means that the built-in policy decides.")
    ] = ""
    planner_model: Annotated[str, Field(description="Overrides AURORA_LLM_MODEL for the planner.")] = ""
    critic_model: Annotated[str, Field(description="Overrides AURORA_LLM_MODEL for the critic.")] = ""
    chat_model: Annotated[str, Field(description="Overrides AURORA_LLM_MODEL for the chat.")] = ""
    openai_api_key: Annotated[
        SecretStr | None, Field(validation_alias="OPENAI_API_KEY", description="Key of the OpenAI-compatible server.")
    ] = None
    openai_base_url: Annotated[
        str, Field(validation_alias="OPENAI_BASE_URL", description="Address of the OpenAI-compatible server.")
    ] = ""
    trainer: Annotated[str, Field(description="Backend for retrain and fine_tune.")] = "sandbox"
    router: Annotated[str, Field(description="Backend for route.")] = "sandbox"
    scaler: Annotated[str, Field(description="Backend for scale.")] = "sandbox"
    cache: Annotated[str, Field(description="Backend for cache.")] = "sandbox"
    alerts: Annotated[str, Field(description="Backend for alert; log writes to the log and the ledger.")] = "log"
    api_keys: Annotated[
        list[SecretStr],
        NoDecode,
        BeforeValidator(_comma_separated),
        Field(description="owner:role:key, comma-separated; roles viewer, operator, approver, admin. Empty: open."),
    ] = []
    host: Annotated[str, Field(description="Address that aurora serve binds.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port of the API.")] = 8000
    ui_port: Annotated[int, Field(ge=0, le=65535, description="Port of the UI.")] = 8501
    embedding_model: Annotated[
        str, Field(description="Path or name of a sentence-transformers model; empty means the packaged weights.")
    ] = ""
    approval_hours: Annotated[float, Field(gt=0, description="How long an approval may wait before it expires.")] = 24
    tool_timeout_seconds: Annotated[float, Field(gt=0, description="How long one tool call may take.")] = 60
    sweep_seconds: Annotated[
        float, Field(gt=0, description="How often the server looks for whatever nobody was woken for.")
    ] = 5
    sandbox_tick_seconds: Annotated[
        float, Field(ge=0.05, le=3600, description="Seconds in which the built-in fleet lives through a minute.")
    ] = 1.0
    fleet_share_in_change: Annotated[
        float | None,
        Field(
            gt=0, le=1, description="Largest share of the fleet that may be in change at once; empty: 0.25, sandbox 1."
        ),
    ] = None
    max_body_bytes: Annotated[int, Field(gt=0, description="Largest request body that is read.")] = 1_000_000
    log_level: Annotated[str, Field(description="DEBUG, INFO, WARNING or ERROR.")] = "INFO"

    @classmethod
    def alone(cls, home: Path) -> "Settings":
        """Return the defaults with another `home`: for what must not touch anything that the environment names."""
        return cls.model_construct(home=home)
