"""Keys and times in the one type that tables are joined by: integers of 64 bits, and times in UTC to the microsecond."""

import narwhals as nw

from stackhouse.features.calendar import utc
from stackhouse.table import Table, require_times


def comparable(table: Table) -> Table:
    """Return the table with integer keys as int64 and its timestamp as datetime[us, UTC].

    A date is its midnight, and a time without a zone is taken as UTC. Sources differ in these: a CSV file gives int64 and dates
    where a database gives int32 and instants.

    Raises:
        ColumnTypeError: where the timestamp is no date or datetime.
    """
    require_times(table)
    schema, changed = table.frame.collect_schema(), []
    changed += [nw.col(key).cast(nw.Int64) for key in table.roles.primary_keys if schema[key].is_integer() and schema[key] != nw.UInt64]
    if (time := table.roles.timestamp) is not None:
        zone = getattr(schema[time], "time_zone", None)
        changed.append(utc(nw.col(time) if zone else nw.col(time).cast(nw.Datetime("us"))))
    return table.with_frame(table.frame.with_columns(*changed)) if changed else table
