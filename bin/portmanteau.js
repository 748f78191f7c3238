#!/usr/bin/env node
/**
 * The command `portmanteau`: loads the command line (dist/cli/main.js), or says why it cannot run. It is committed, so that it is there before a
 * clone is built. It imports nothing by a statement and uses no new syntax: Node 10 to 18 must be able to read it and say that they are too old.
 */
(function () {
  var wanted = '20.19'; // as "engines" in package.json
  var denoAdvice =
    'Deno before 2.9 does so with scripts that `deno install --global` installed, whose package.json it does not read: use a newer one, or ' +
    '`deno run -A` with the path of this script. In a clone, `npm ci` must have run.';
  var version = process.versions.node;

  function fail(message) {
    process.stderr.write('portmanteau: ' + message + '\n');
    process.exitCode = 1;
  }

  function isOlder(one, other) {
    var a = one.split('.').map(Number);
    var b = other.split('.').map(Number);
    return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
  }

  if (isOlder(version, wanted)) {
    fail('this is Node ' + version + ', but Node ' + wanted + ' or later is needed: install a newer one, from https://nodejs.org');
    return;
  }
  import('../dist/cli/main.js').catch(function (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    var problem = error.message.split('\n')[0];
    var notBuilt = /(Cannot find module|Module not found) ['"][^'"]*dist[\\/]cli[\\/]main\.js/.test(problem);
    if (notBuilt) fail('this copy is not built yet: run `npm ci` in its folder, which installs what it needs and builds it. (' + problem + ')');
    else if (typeof Deno === 'object') fail('Deno does not find what it imports (' + problem + '). ' + denoAdvice);
    else fail('this installation is not complete: install it again (in a clone: `npm ci`). (' + problem + ')');
  });
})();
