//! `docker-compose.yml`, `Dockerfile`, the units of systemd, the files beside them, and what the scripts share: whether they fit each other, the binary and its configuration.
//!
//! Nothing is pulled or started in containers. What can be asked of the binary is asked of the binary: it has to take the commands
//! and the settings that the files give it. Where a compose tool is installed, it has to take the file, too.

mod image;
mod project;
mod schema;
mod scripts;
mod seed;
mod settings;
mod topology;
mod units;
