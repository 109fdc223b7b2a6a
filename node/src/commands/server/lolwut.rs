//! LOLWUT: a garnet, cut anew every time, and the version.

use almandine_storage::Rng;

use crate::commands::{Acl, Call, Command, Flags, Group, Outcome, Run};

/// Rows of the stone, half of its widest row, and how many rows its crown has.
const ROWS: i64 = 13;
const HALF_WIDTH: i64 = 18;
const CROWN_ROWS: i64 = 4;
/// Facets are lit from one of so many sides.
const SHADES: &[u8] = b" .:-=+*#%@";

fn lolwut(call: &mut Call<'_>) -> Outcome {
    if call.args.is(1, "version") && call.args.len() > 2 {
        // Every version draws the same stone.
        call.args.integer(2)?;
    }
    let mut text = stone(call.rng);
    text.push_str(&format!(
        "\nAlmandine ver. {}, Redis ver. {}\n",
        crate::VERSION,
        crate::REDIS_VERSION
    ));
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// A cut stone seen from the side: the table above, a crown, a girdle, and a pavilion that ends in a point.
fn stone(rng: &mut Rng) -> String {
    let mut facets = [[0_u8; 6]; 4];
    for shade in facets.as_flattened_mut() {
        *shade = SHADES[rng.below(SHADES.len())];
    }
    let mut text = String::new();
    for row in 0..ROWS {
        let half = half_width(row);
        let indent = (HALF_WIDTH - half) as usize;
        text.push_str(&" ".repeat(indent + 2));
        for column in -half..=half {
            text.push(match (row, column) {
                (_, column) if column.abs() == half => edge(row, column),
                (0 | CROWN_ROWS, _) => '_',
                _ => char::from(facets[facet_row(row)][facet_column(column, half)]),
            });
        }
        text.push('\n');
    }
    text
}

/// From the table outwards, then inwards to the point.
fn half_width(row: i64) -> i64 {
    if row <= CROWN_ROWS {
        HALF_WIDTH - (CROWN_ROWS - row) * 2
    } else {
        HALF_WIDTH * (ROWS - 1 - row) / (ROWS - 1 - CROWN_ROWS)
    }
}

fn edge(row: i64, column: i64) -> char {
    match (row, column) {
        (_, 0) => 'V',
        (row, column) if (row <= CROWN_ROWS) == (column < 0) => '/',
        _ => '\\',
    }
}

fn facet_row(row: i64) -> usize {
    match row {
        ..3 => 0,
        3..=CROWN_ROWS => 1,
        5..8 => 2,
        _ => 3,
    }
}

/// One of six facets side by side.
fn facet_column(column: i64, half: i64) -> usize {
    usize::try_from((column + half) * 6 / (2 * half + 1)).unwrap_or_default()
}

/// LOLWUT.
pub(super) const LOLWUT: Command = Command {
    name: "lolwut",
    arity: -1,
    flags: Flags::FAST.union(Flags::READONLY),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "5.0.0",
    summary: "Draws a picture and names the version.",
    complexity: "O(1)",
    args: "[VERSION version:integer]",
    run: Run::Node(lolwut),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stone_has_its_shape_whatever_the_light() {
        for seed in 0..100 {
            let stone = stone(&mut Rng::new(seed));
            let rows: Vec<&str> = stone.lines().collect();
            assert_eq!(rows.len() as i64, ROWS);
            let widest = rows.iter().map(|row| row.len()).max();
            assert_eq!(widest, Some(rows[CROWN_ROWS as usize].len()));
            assert_eq!(rows[ROWS as usize - 1].trim(), "V");
            for row in &rows[..ROWS as usize - 1] {
                let row = row.trim_start().as_bytes();
                assert!(
                    matches!((row[0], row[row.len() - 1]), (b'/', b'\\') | (b'\\', b'/')),
                    "{stone}"
                );
            }
        }
    }
}
