//! A database of a test's own.

use os2nykode::store::Store;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Connection, Decode, Type};

use crate::environment::{environment, unique};

/// Location of a database. Several stores may be opened on it.
pub struct Place {
    pub url: String,
    pub sqlite: bool,
}

impl Place {
    pub async fn open(&self) -> Store {
        Store::open(&self.url).await.expect("the store opens")
    }

    /// A connection beside the store, with the rights of the service's database user.
    pub async fn intruder(&self) -> AnyConnection {
        AnyConnection::connect(&self.url).await.expect("the database answers")
    }

    pub async fn run(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let mut connection = self.intruder().await;
        Ok(sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?.rows_affected())
    }
}

impl Place {
    /// The single value that a query returns.
    pub async fn one<T>(&self, sql: &str) -> T
    where
        T: for<'r> Decode<'r, Any> + Type<Any> + Send + Unpin,
    {
        let mut connection = self.intruder().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.expect("a value")
    }
}

/// A new, empty PostgreSQL database. It is removed with the server.
pub async fn postgres_database() -> String {
    sqlx::any::install_default_drivers();
    let server = environment().fact("PG_URL");
    let name = unique("store");
    let (host, _) = server.rsplit_once('/').expect("a database in the URL");
    let mut admin = AnyConnection::connect(server).await.expect("PostgreSQL answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.expect("a database");
    admin.close().await.expect("closed");
    format!("{host}/{name}")
}

/// Runs a test on a fresh SQLite database, and then on a fresh PostgreSQL database.
pub async fn each_place(test: impl AsyncFn(&Place)) {
    sqlx::any::install_default_drivers();
    let folder = tempfile::tempdir().expect("a temporary folder");
    test(&Place { url: format!("sqlite://{}/store.db", folder.path().display()), sqlite: true }).await;
    test(&Place { url: postgres_database().await, sqlite: false }).await;
}

/// The same with a store opened on it.
pub async fn each_store(test: impl AsyncFn(Store, &Place)) {
    each_place(async |place| {
        let store = place.open().await;
        test(store.clone(), place).await;
        store.close().await;
    })
    .await;
}
