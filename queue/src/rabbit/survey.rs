//! A look at the broker that changes nothing: whether it lets us in, what of ours is there, and whether that fits. For a person who asks
//! before the first start. Not here: making what is missing, which every process does that starts.

use crate::rabbit::config::RabbitConfig;
use crate::rabbit::line::Line;
use crate::rabbit::status::{Role, Trouble};
use crate::rabbit::topology::{Topology, find, make};

/// What stands at the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Exchanges and queues that are not there yet, as `queue NAME`. The first process that starts declares them.
    pub missing: Vec<String>,
    /// How many of ours are there, and fit.
    pub present: usize,
}

/// Why the broker was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SurveyError {
    /// It may work the next time.
    #[error("{0}")]
    Away(String),
    /// The broker does not let us in: the user, the password, the virtual host or the rights. Trying again does not help.
    #[error("{0}")]
    Denied(String),
    /// Something stands under one of our names with other arguments. Trying again does not help.
    #[error("{0}")]
    Unfit(String),
}

impl From<Trouble> for SurveyError {
    fn from(trouble: Trouble) -> SurveyError {
        match trouble {
            Trouble::Passing(words) => SurveyError::Away(words),
            Trouble::Denied(words) => SurveyError::Denied(words),
            Trouble::Refused(words) => SurveyError::Unfit(words),
        }
    }
}

/// Looks once.
///
/// # Errors
/// [`SurveyError`]; only the first kind is worth another look.
pub async fn survey(config: &RabbitConfig) -> Result<Survey, SurveyError> {
    let mut line = Line::open(config, Role::Publisher).await?;
    let surveyed = look(&mut line, &Topology::new(config)).await;
    line.close().await;
    Ok(surveyed?)
}

async fn look(line: &mut Line, topology: &Topology) -> Result<Survey, Trouble> {
    let mut survey = Survey { missing: Vec::new(), present: 0 };
    for thing in topology.things() {
        if find(&line.channel, &thing).await? {
            // Declaring what is there changes nothing, and tells when its arguments are others.
            make(&line.channel, &thing).await?;
            survey.present = survey.present.saturating_add(1);
        } else {
            survey.missing.push(format!("{} {}", thing.kind(), thing.name));
            line.reopen_channel().await?;
        }
    }
    Ok(survey)
}
