//! The few commands that show a difference.

use std::time::{Duration, Instant};

use super::difference::Difference;
use super::duel::{BATCH_STEPS, Duel};
use super::generate::Step;
use crate::process::StartError;

/// Shrinking ends after this time, with what it has reached.
const TIME_MAX: Duration = Duration::from_secs(60);

/// What is left of the steps, and what they show; `None` if playing them again shows nothing.
pub(super) fn shrink(
    duel: &mut Duel,
    steps: &[Step],
    found: &Difference,
) -> Result<Option<(Vec<Step>, Difference)>, StartError> {
    let mut attempt = Attempt {
        duel,
        signature: found.signature(),
        together: 1,
        deadline: Instant::now() + TIME_MAX,
    };
    if matches!(found, Difference::Broken { .. }) {
        attempt.together = BATCH_STEPS;
    }
    let mut shown = attempt.shortest_end(steps)?;
    if shown.is_none() {
        attempt.together = BATCH_STEPS;
        shown = attempt.shortest_end(steps)?;
    }
    let Some((mut left, mut difference)) = shown else {
        return Ok(None);
    };
    let mut chunk = left.len().div_ceil(2);
    while chunk > 0 && !attempt.is_late() {
        let mut at = 0;
        while at < left.len() && !attempt.is_late() {
            let mut fewer = left.clone();
            fewer.drain(at..(at + chunk).min(left.len()));
            match attempt.play(&fewer)? {
                Some((shorter, still)) => (left, difference) = (shorter, still),
                None => at += chunk,
            }
        }
        chunk /= 2;
    }
    while let Some((shorter, still)) = attempt.shorter_request(&left)? {
        (left, difference) = (shorter, still);
    }
    Ok(Some((left, difference)))
}

struct Attempt<'a> {
    duel: &'a mut Duel,
    signature: String,
    /// Steps of a batch: one, unless the difference has to do with what comes in the same buffer.
    together: usize,
    deadline: Instant,
}

impl Attempt<'_> {
    fn is_late(&self) -> bool {
        Instant::now() > self.deadline
    }

    /// The last steps that suffice, in powers of four.
    fn shortest_end(
        &mut self,
        steps: &[Step],
    ) -> Result<Option<(Vec<Step>, Difference)>, StartError> {
        let mut length = 4;
        loop {
            length = (length * 4).min(steps.len());
            if let Some(shown) = self.play(&steps[steps.len() - length..])? {
                return Ok(Some(shown));
            }
            if length == steps.len() {
                return Ok(None);
            }
        }
    }

    /// One argument less in one of the steps.
    fn shorter_request(
        &mut self,
        steps: &[Step],
    ) -> Result<Option<(Vec<Step>, Difference)>, StartError> {
        for (i, step) in steps.iter().enumerate() {
            let mut chunk = step.request.len() / 2;
            while chunk > 0 && step.request.len() > 6 {
                for at in (2..step.request.len().saturating_sub(chunk)).step_by(chunk) {
                    if self.is_late() {
                        return Ok(None);
                    }
                    let mut fewer = steps.to_vec();
                    fewer[i].request.drain(at..at + chunk);
                    if let Some(shown) = self.play(&fewer)? {
                        return Ok(Some(shown));
                    }
                }
                chunk /= 2;
            }
        }
        Ok(None)
    }

    /// The same difference, if `steps` show it on fresh servers; steps after it are left out.
    fn play(&mut self, steps: &[Step]) -> Result<Option<(Vec<Step>, Difference)>, StartError> {
        self.duel.renew()?;
        let shown = match self.duel.play(steps, self.together) {
            Err(found) => Some((steps[..found.steps].to_vec(), *found.difference)),
            Ok(()) => {
                let compared = self.duel.compare_state();
                compared
                    .err()
                    .map(|difference| (steps.to_vec(), difference))
            }
        };
        Ok(shown.filter(|(_, difference)| difference.signature() == self.signature))
    }
}
