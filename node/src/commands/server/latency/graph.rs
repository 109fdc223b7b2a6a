//! LATENCY GRAPH: the samples of an event as columns of characters, the age of each below it.

use crate::stats::latency::Series;

/// Columns of the graph; what does not fit stands in a further one below.
const COLUMNS: usize = 80;
/// Rows of the graph.
const ROWS: usize = 4;
/// The fill of a row, lowest first: three steps of height.
const FILLS: &[u8] = b"_o#";
/// What stands below the top of a column.
const STEM: u8 = b'|';

/// A column.
struct Column {
    value: u64,
    age: String,
}

/// The graph of `series` as text.
pub(super) fn draw(event: &str, series: &Series, now_s: i64) -> String {
    let columns: Vec<Column> = series
        .samples()
        .map(|sample| Column {
            value: sample.took_ms,
            age: age(now_s - sample.time_s),
        })
        .collect();
    let values = columns.iter().map(|column| column.value);
    let (low, high) = (values.clone().min().unwrap_or(0), values.max().unwrap_or(0));
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        series.worst_ms,
        "-".repeat(COLUMNS)
    );
    let graphs = columns
        .chunks(COLUMNS)
        .map(|columns| render(columns, low, high));
    text.push_str(&graphs.collect::<Vec<_>>().join("\n"));
    text
}

/// In the largest unit of which there is one.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Rows from the top, an empty one, and the ages from top to bottom.
fn render(columns: &[Column], low: u64, high: u64) -> String {
    let mut text = String::new();
    let mut row = |cell: &dyn Fn(&Column) -> u8| {
        text.extend(columns.iter().map(|column| cell(column) as char));
        text.push('\n');
    };
    for floor in (0..ROWS).rev().map(|row| row * FILLS.len()) {
        row(
            &|column| match step(column.value, low, high).checked_sub(floor) {
                None => b' ',
                Some(height) => FILLS.get(height).copied().unwrap_or(STEM),
            },
        );
    }
    row(&|_| b' ');
    let longest = columns.iter().map(|column| column.age.len()).max();
    for line in 0..longest.unwrap_or(0) {
        row(&|column| column.age.as_bytes().get(line).copied().unwrap_or(b' '));
    }
    text
}

/// The height of a value, from 0 for the lowest.
fn step(value: u64, low: u64, high: u64) -> usize {
    let steps = ROWS * FILLS.len();
    let range = (high - low).max(1);
    let step = u128::from(value - low) * steps as u128 / u128::from(range);
    (step as usize).min(steps - 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::stats::latency::{COMMAND, LatencyMonitor};

    fn graph(samples: &[(i64, u64)], now_s: i64) -> String {
        let mut monitor = LatencyMonitor::new(1);
        for (time_s, took_ms) in samples {
            monitor.watch(COMMAND, Duration::from_millis(*took_ms), time_s * 1000);
        }
        let series = monitor.series(b"command").expect("samples");
        draw("command", series, now_s)
    }

    #[test]
    fn columns_grow_with_the_values_and_ages_stand_below() {
        let drawn = graph(
            &[(0, 10), (86_400 - 3700, 12), (86_390, 16), (86_400, 22)],
            86_400,
        );
        let lines: Vec<&str> = drawn.split('\n').collect();
        assert_eq!(
            lines[0],
            "command - high 22 ms, low 10 ms (all time high 22 ms)"
        );
        assert_eq!(lines[1], "-".repeat(80));
        assert_eq!(
            lines[2..],
            [
                "   #", "  _|", "  ||", "_#||", "    ", "1110", "dh0s", "  s ", ""
            ]
        );
    }

    #[test]
    fn more_than_eighty_samples_make_a_second_graph() {
        let samples: Vec<_> = (0..81).map(|n| (n, 10)).collect();
        let drawn = graph(&samples, 100);
        let lines: Vec<&str> = drawn.split('\n').collect();
        assert_eq!(lines[5], "_".repeat(80));
        let second = lines.iter().rposition(|line| *line == "_");
        assert!(second.is_some_and(|line| line > 10), "{drawn}");
    }
}
