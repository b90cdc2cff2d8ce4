//! The program: runs the command that the command line names.

use std::{io, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::runtime::Runtime;

/// Time limit for work still in progress at the end, such as writes to a disk that hangs.
const LAST: Duration = Duration::from_secs(1);

fn main() -> io::Result<ExitCode> {
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(Box::pin(os2nykode::cli::run(os2nykode::cli::Cli::parse()))); // boxed: some commands are large
    runtime.shutdown_timeout(LAST);
    Ok(ended)
}
