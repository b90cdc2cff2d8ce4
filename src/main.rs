//! The program: reads the command line and runs the command.

use std::{io, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::runtime::Runtime;

/// What is still under way at the end, on a disk that hangs, is not waited for.
const LAST: Duration = Duration::from_secs(1);

fn main() -> io::Result<ExitCode> {
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(Box::pin(os2nykode::cli::run(os2nykode::cli::Cli::parse()))); // some commands are large, and move once
    runtime.shutdown_timeout(LAST);
    Ok(ended)
}
