//! The program: reads the command line and runs the command.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    Box::pin(os2nykode::cli::run(os2nykode::cli::Cli::parse())).await // some commands are large, and move once
}
