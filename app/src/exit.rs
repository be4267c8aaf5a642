//! How a command ends: the error that it shows and the exit code that scripts act on.

use std::process::ExitCode;

use crate::config::InvalidConfig;

/// Why a command failed. Each kind has an exit code of its own.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something that was asked for did not happen: 1.
    Failed(anyhow::Error),
    /// What was asked for makes no sense, as with an argument that cannot be read: 2.
    Usage(anyhow::Error),
    /// What the process needs is not reachable at the start: 69.
    Unreachable(anyhow::Error),
    /// The configuration cannot be used: 78.
    Config(InvalidConfig),
}

impl Failure {
    /// The code for `exit`. Source: `EX_UNAVAILABLE` and `EX_CONFIG` of BSD's sysexits.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Failure::Failed(_) => ExitCode::FAILURE,
            // What clap ends with.
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Unreachable(_) => ExitCode::from(69),
            Failure::Config(_) => ExitCode::from(78),
        }
    }

    /// The message with all its causes.
    pub(crate) fn message(&self) -> String {
        match self {
            Failure::Failed(error) | Failure::Usage(error) | Failure::Unreachable(error) => {
                format!("{error:#}")
            }
            Failure::Config(error) => error.to_string(),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Failed(error)
    }
}

impl From<InvalidConfig> for Failure {
    fn from(error: InvalidConfig) -> Failure {
        Failure::Config(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Failed(error.into())
    }
}
