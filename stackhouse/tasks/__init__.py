"""Tasks: what kind of answer a model gives, how scores become answers, and how good they are. One module for each."""

from collections.abc import Mapping

from stackhouse.tasks.anomaly import AnomalyDetection
from stackhouse.tasks.base import Answers, Scores, Target, Task, TaskName
from stackhouse.tasks.binary import BinaryClassification
from stackhouse.tasks.multiclass import MulticlassClassification
from stackhouse.tasks.multilabel import MultilabelClassification
from stackhouse.tasks.regression import Regression

TASKS: Mapping[TaskName, Task] = {
    task.name: task
    for task in (
        BinaryClassification(),
        MulticlassClassification(),
        MultilabelClassification(),
        Regression(),
        AnomalyDetection(),
    )
}
"""Every task by its name."""

__all__ = ["TASKS", "Answers", "Scores", "Target", "Task", "TaskName"]
