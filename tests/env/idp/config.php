<?php
// SimpleSAMLphp as the test environment's identity providers. They differ by environment variables only:
// the provider's name (IDP_NAME), its address (IDP_BASE), and the folder with its keys, people and service providers (IDP_DIR).
$dir = getenv('IDP_DIR');
$config = [
    'baseurlpath' => getenv('IDP_BASE') . '/',
    'certdir' => "$dir/cert/",
    'loggingdir' => "$dir/log/",
    'datadir' => "$dir/data/",
    'tempdir' => "$dir/tmp",
    'metadatadir' => __DIR__ . '/metadata/',
    'secretsalt' => 'nothing-here-is-secret-at-all',
    'auth.adminpassword' => 'Hjelm-Ankor-17-Lampe', // the administrators' pages are not used
    'technicalcontact_name' => 'Test',
    'technicalcontact_email' => 'test@kommune.test',
    'timezone' => 'Europe/Copenhagen',
    'logging.level' => SimpleSAML\Logger::NOTICE,
    'logging.handler' => 'file',
    'logging.logfile' => getenv('IDP_NAME') . '.log',
    'enable.saml20-idp' => true,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'session.duration' => 8 * 3600,
    'session.cookie.name' => 'Idp' . preg_replace('/\W/', '', getenv('IDP_NAME')),
    'session.cookie.secure' => false, // plain http, on loopback
    'session.cookie.samesite' => null,
    'session.phpsession.cookiename' => 'IdpSession' . preg_replace('/\W/', '', getenv('IDP_NAME')),
    'session.phpsession.savepath' => "$dir/session",
    'session.authtoken.cookiename' => 'IdpToken' . preg_replace('/\W/', '', getenv('IDP_NAME')),
    'language.available' => ['en', 'da'],
    'language.default' => 'da',
    'store.type' => 'phpsession',
    'metadata.sources' => [['type' => 'flatfile']],
    'production' => false,
];
