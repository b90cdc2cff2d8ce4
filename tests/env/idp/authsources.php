<?php
// Accounts for login: people of the environment, and those of tests, one JSON file each: {"user", "attributes"}.
$people = ['exampleauth:UserPass'];
$name = getenv('IDP_NAME');
foreach (array_merge(glob(__DIR__ . "/people/$name/*.json"), glob(getenv('IDP_DIR') . "/people/$name/*.json")) as $file) {
    $person = json_decode(file_get_contents($file), true, 512, JSON_THROW_ON_ERROR);
    $people[$person['user'] . ':' . getenv('IDP_PASSWORD')] = $person['attributes'];
}
$config = ['people' => $people];
