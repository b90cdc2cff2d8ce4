//! Memory over many requests without a scrape of the metrics.

use crate::{number, program::Program, say, visitor::client};

pub async fn measure() {
    let requests = number("OS2NYKODE_SOAK_REQUESTS", 1_000_000);
    let dir = tempfile::tempdir().expect("a folder");
    let program = Program::start(dir.path(), None).await;
    let mut figures = Vec::new();
    let (url, each) = (program.url("/"), requests / 10);
    for _ in 0..10 {
        let workers = (0..8).map(|_| {
            let (client, url) = (client(1), url.clone());
            tokio::spawn(async move {
                for _ in 0..each / 8 {
                    let answer = client.get(&url).send().await.expect("an answer");
                    assert_eq!(answer.status(), 200);
                    answer.bytes().await.expect("a body");
                }
            })
        });
        for worker in futures_util::future::join_all(workers).await {
            worker.expect("joined");
        }
        figures.push(program.memory());
    }
    #[allow(clippy::cast_precision_loss, reason = "small")]
    let slope = (figures[9] as f64 - figures[4] as f64) * 1024.0 / (each * 5) as f64;
    say(&format!("memory over {requests} requests, KiB after each tenth: {figures:?}; {slope:.1} bytes a request in the second half"));
    assert!(slope < 4.0, "memory is flat");
}
