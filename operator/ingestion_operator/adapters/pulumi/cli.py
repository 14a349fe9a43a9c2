"""The Pulumi CLI of one engine: its settings, its environment, and the commands that the engine's operations run."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingestion_operator.adapters.pulumi.command import OneCommand, Processes
from ingestion_operator.errors import StateUnreadable

PULUMI_VERSION = "3.255.0"
SHORT_TIMEOUT_SECONDS = 120.0
PASSPHRASE = "passphrase"  # noqa: S105 - the name of a secrets provider


@dataclass(frozen=True)
class EngineSettings:
    """What the engine needs to run the CLI."""

    pulumi: Path
    backend_url: str
    pulumi_home: Path
    passphrase_file: Path
    secrets_provider: str = PASSPHRASE
    """What encrypts the secrets of new stacks: `passphrase`, or the URL of a key. The state of an existing stack names its own provider."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further environment of each process, for example the endpoint of an emulator."""

    def process_environment(self, region: str) -> dict[str, str]:
        """The environment of a CLI process. Credentials come from the operator's own environment."""
        return {
            "PULUMI_HOME": str(self.pulumi_home),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase_file),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_ERROR_OUTPUT_STRING": "true",
            # The state of a stack says how its secrets are encrypted. Without this variable the CLI would make up a new salt.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
            # A copy of each checkpoint is in the history already. Source: pkg/backend/diy/state.go, addToHistory and backupStack.
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            "PULUMI_BACKEND_URL": self.backend_url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **self.environment,
        }


class Cli:
    """The CLI with the settings of one engine, and all of its processes."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self.processes = Processes()

    def check_version(self) -> None:
        """Raises StateUnreadable, saying what to install, unless the CLI runs and has the SDK's version."""
        try:
            version = subprocess.run(
                [self._settings.pulumi, "version"],
                capture_output=True,
                text=True,
                check=True,
                timeout=SHORT_TIMEOUT_SECONDS,
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError) as error:
            raise StateUnreadable(f"the pulumi CLI {self._settings.pulumi} cannot be run: {error}") from error
        if version.removeprefix("v") != PULUMI_VERSION:
            raise StateUnreadable(f"the pulumi CLI is {version}, but the SDK is {PULUMI_VERSION}: install that version")

    def command(self, timeout_seconds: float, extra_arguments: tuple[str, ...] = ()) -> OneCommand:
        """The CLI for one operation."""
        return OneCommand(self._settings.pulumi, PULUMI_VERSION, self.processes, timeout_seconds, extra_arguments)

    def environment(self, region: str) -> dict[str, str]:
        """The environment of one operation."""
        return self._settings.process_environment(region)

    @property
    def backend_url(self) -> str:
        """Where the state is."""
        return self._settings.backend_url

    @property
    def shared(self) -> bool:
        """Whether processes of other hosts may work with the same state."""
        return not self.backend_url.startswith("file:")

    @property
    def secrets_provider(self) -> str:
        """What encrypts the secrets of new stacks."""
        return self._settings.secrets_provider
