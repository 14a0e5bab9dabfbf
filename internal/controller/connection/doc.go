// Package connection proves the credential of every AstroConnection and ClusterAstroConnection, lists its tokens once a
// sweep, and tells the other controllers what differs. What is known of a connection is handed out by the Registry as a
// Handle; what changed as a Notice. A credential counts only once Astro has accepted it for the Organization declared.
package connection
