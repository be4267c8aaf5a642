//! Whose turn it is: in one round every lane may deliver as many messages as its weight, the most
//! urgent lane first. Not here: where a lane's messages are kept.

use crate::Lane;

/// The turns of one consumer.
#[derive(Debug)]
pub(crate) struct Turns {
    /// The lanes of this consumer, each with what is left to it in this round.
    lanes: Vec<(Lane, u32)>,
    paused: Vec<Lane>,
}

impl Turns {
    pub(crate) fn new(lanes: &[Lane]) -> Turns {
        let wanted = Lane::ALL.into_iter().filter(|lane| lanes.contains(lane));
        Turns { lanes: wanted.map(|lane| (lane, lane.weight())).collect(), paused: Vec::new() }
    }

    /// The lanes of this consumer, paused ones included, the most urgent first.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = Lane> {
        self.lanes.iter().map(|(lane, _)| *lane)
    }

    /// From now on these lanes get no turn, and all others do.
    pub(crate) fn pause(&mut self, lanes: &[Lane]) {
        self.paused = lanes.to_vec();
    }

    /// The next lane to serve among those that have something; `None` when none has.
    pub(crate) fn next(&mut self, mut has_something: impl FnMut(Lane) -> bool) -> Option<Lane> {
        let waiting: Vec<Lane> = self
            .lanes()
            .filter(|lane| !self.paused.contains(lane) && has_something(*lane))
            .collect();
        let is_round_over =
            !self.lanes.iter().any(|(lane, left)| *left > 0 && waiting.contains(lane));
        if is_round_over {
            for (lane, left) in &mut self.lanes {
                *left = lane.weight();
            }
        }
        let (lane, left) =
            self.lanes.iter_mut().find(|(lane, left)| *left > 0 && waiting.contains(lane))?;
        *left = left.saturating_sub(1);
        Some(*lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_serves_every_lane_that_has_something_by_its_weight() {
        let mut turns = Turns::new(&Lane::ALL);
        let round: Vec<Lane> = (0..25).filter_map(|_| turns.next(|_| true)).collect();
        for lane in Lane::ALL {
            let served = round.iter().filter(|served| **served == lane).count();
            assert_eq!(u32::try_from(served).unwrap(), lane.weight(), "{lane:?}");
        }
    }

    #[test]
    fn a_lane_alone_is_served_without_end_and_an_empty_queue_serves_nobody() {
        let mut turns = Turns::new(&[Lane::Bulk, Lane::Confirm]);
        assert!((0..100).all(|_| turns.next(|lane| lane == Lane::Bulk) == Some(Lane::Bulk)));
        assert_eq!(turns.next(|lane| lane == Lane::Cancel), None);
        assert_eq!(turns.next(|_| false), None);
    }

    #[test]
    fn a_paused_lane_gets_no_turn_until_the_next_pause_leaves_it_out() {
        let mut turns = Turns::new(&Lane::ALL);
        turns.pause(&[Lane::Confirm, Lane::Bulk]);
        assert!((0..50).all(|_| matches!(turns.next(|_| true), Some(Lane::Cancel | Lane::LookUp))));
        assert_eq!(turns.next(|lane| lane == Lane::Confirm), None);
        turns.pause(&[]);
        assert_eq!(turns.next(|lane| lane == Lane::Confirm), Some(Lane::Confirm));
    }
}
