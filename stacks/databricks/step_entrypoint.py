"""How ZenML runs one step inside a task."""

from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration


class StepEntrypoint(StepEntrypointConfiguration):
    """ZenML's entry point without what only containers need: the code is installed already, and there is no `/app`."""

    @classmethod
    def get_entrypoint_options(cls) -> dict[str, bool]:
        """Options of the command line, and whether each is required."""
        return {"step_name": True, "snapshot_id": True}

    def prepare_code_environment(self) -> None:
        """Leave the process as it is: the wheel is installed, so the code can be imported."""

    def run(self) -> None:
        """Run the step."""
        self._run_step(step=self.step, snapshot=self.snapshot)
