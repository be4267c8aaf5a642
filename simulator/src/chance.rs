//! Faults by chance that can be repeated: whether a call is hit depends on the seed, its order and its number alone.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codes;
use crate::faults::{FaultKind, FaultRequest, Operation};
use crate::refusal::Refusal;

/// Random faults for every call of every merchant. A scripted fault comes first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chance {
    /// The same seed hits the same calls of the same orders.
    pub seed: u64,
    /// Their percentages add up to at most 100 for every operation; at most 50.
    pub faults: Vec<ChanceFault>,
}

/// One kind of random fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChanceFault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Which calls; all by default.
    #[serde(default = "any")]
    pub operation: Operation,
    /// How many of a hundred calls, 0–100.
    pub percent: u8,
    /// As in a scripted fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// As in a scripted fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
}

const KINDS_MAX: usize = 50;

fn any() -> Operation {
    Operation::Any
}

impl Chance {
    /// # Errors
    /// A fault that makes no sense, or more than 100 percent of one operation.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let bad = |what: &str| Err(Refusal::about(codes::INVALID_REQUEST, what));
        if self.faults.len() > KINDS_MAX {
            return bad("chance.faults");
        }
        for fault in &self.faults {
            fault.as_request().check_everywhere()?;
            let hits = |other: &&ChanceFault| other.is_for(fault.operation);
            let percents = self.faults.iter().filter(hits).map(|it| u64::from(it.percent));
            if percents.fold(0, u64::saturating_add) > 100 {
                return bad("chance.percent");
            }
        }
        Ok(())
    }

    /// The fault that hits the `number`th such call of an order, if one does.
    pub(crate) fn draw(
        &self,
        order_id: &str,
        operation: Operation,
        number: u64,
    ) -> Option<FaultRequest> {
        let name = format!("{}\n{order_id}\n{operation:?}\n{number}", self.seed);
        let drawn = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).as_u128();
        // The low bits of a version 5 id are a hash's.
        let mut left = u64::try_from(drawn.checked_rem(100).unwrap_or(0)).unwrap_or(0);
        for fault in self.faults.iter().filter(|fault| fault.is_for(operation)) {
            match left.checked_sub(u64::from(fault.percent)) {
                None => return Some(fault.as_request()),
                Some(rest) => left = rest,
            }
        }
        None
    }
}

impl ChanceFault {
    fn is_for(&self, operation: Operation) -> bool {
        self.operation == operation || self.operation == Operation::Any
    }

    fn as_request(&self) -> FaultRequest {
        let request = FaultRequest::everywhere(self.operation, self.kind);
        FaultRequest { code: self.code.clone(), ms: self.ms, ..request }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(seed: u64, percent: u8) -> Chance {
        let fault = ChanceFault {
            kind: FaultKind::CutAfter,
            operation: Operation::Confirm,
            percent,
            code: None,
            ms: None,
        };
        Chance { seed, faults: vec![fault] }
    }

    fn hits(chance: &Chance) -> Vec<u64> {
        (0..1_000).filter(|n| chance.draw("order-1", Operation::Confirm, *n).is_some()).collect()
    }

    #[test]
    fn a_seed_hits_about_as_many_calls_as_it_should_and_the_same_ones_again() {
        let once = hits(&chance(7, 30));
        assert!((230..370).contains(&once.len()), "{}", once.len());
        assert_eq!(hits(&chance(7, 30)), once);
        assert_ne!(hits(&chance(8, 30)), once);
        assert_eq!((hits(&chance(7, 0)).len(), hits(&chance(7, 100)).len()), (0, 1_000));
        assert_eq!(chance(7, 100).draw("order-1", Operation::Cancel, 1), None);
    }

    #[test]
    fn more_than_all_calls_cannot_be_hit() {
        let mut both = chance(1, 60);
        both.faults.push(ChanceFault { operation: Operation::Any, ..both.faults[0].clone() });
        assert!(both.check().is_err());
        assert!(chance(1, 100).check().is_ok());
    }
}
