#!/usr/bin/env node
/**
 * The command `portmanteau`: says what is missing where the command line (dist/cli/main.js) cannot run, else loads it. It is committed, so that
 * it is there before a clone is built, and it is written in JavaScript that Node 4 understands, so that any Node can say that it is too old.
 */
'use strict';

var fs = require('fs');
var path = require('path');

var root = path.join(__dirname, '..');

/** What `package.json` wants: the first two numbers of ">=20.19". */
function wantedNode() {
  var engines = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).engines;
  return engines.node.replace(/[^\d.]/g, '').split('.').map(Number);
}

function isOlder(version, wanted) {
  var numbers = version.split('.').map(Number);
  return numbers[0] < wanted[0] || (numbers[0] === wanted[0] && numbers[1] < wanted[1]);
}

/** What keeps the command line from running; undefined when nothing is known to. */
function obstacle() {
  var wanted = wantedNode();
  if (isOlder(process.versions.node, wanted)) {
    return (
      'this is Node ' + process.versions.node + ', wanted ' + wanted.join('.') + ' or later: install a newer one ' +
      '(https://nodejs.org, or `nvm install --lts`).'
    );
  }
  // The build writes `.built` at its end. Published packages have it too.
  if (fs.existsSync(path.join(root, 'dist', '.built'))) return undefined;
  return (
    root + ' is not built yet: run `npm ci` in it, which installs what it needs and builds it ' +
    '(or `npm run build`, where its development packages are installed).'
  );
}

function fail(message) {
  process.stderr.write('portmanteau: ' + message + '\n');
  process.exitCode = 1;
}

var problem = obstacle();
if (problem) fail(problem);
else require('./start.js')(fail);
