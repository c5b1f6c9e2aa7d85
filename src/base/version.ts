/** The version of this package: that of package.json, which a bundle does not have beside it. A test compares the two. */
export const version = '0.1.0';
