/** Loads the built command line. A file of its own, because Node before 10 cannot parse `import()` and must be able to read its caller. */
'use strict';

module.exports = function start(fail) {
  import('../dist/cli/main.js').catch(function (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    fail(error.message.split('\n')[0] + '. This installation lacks a part: install it again (in a clone: npm ci).');
  });
};
