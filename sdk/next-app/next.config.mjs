// Types are checked by `tsc` itself: the tests run it over this folder.
export default { typescript: { ignoreBuildErrors: true } };
