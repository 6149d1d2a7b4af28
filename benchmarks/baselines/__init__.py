"""What the product is compared with in the same run, so that ratios hold on any machine."""
